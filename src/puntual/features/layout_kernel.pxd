# The types by which layout_kernel.py is compiled; whoever interprets it does not read them.
cimport cython
from libc.stdint cimport int32_t, int64_t, uint64_t

cdef uint64_t _WHOLE, _GOLDEN

cdef class IdTable:
    cdef uint64_t[::1] ids
    cdef int32_t[::1] slots
    cdef int shift
    cdef readonly int32_t count

    @cython.locals(end=Py_ssize_t, row=Py_ssize_t, slot=Py_ssize_t)
    cpdef Py_ssize_t number(self, const uint64_t[::1] wanted, Py_ssize_t start, int32_t[::1] places) except -1

@cython.locals(place=Py_ssize_t, row=Py_ssize_t, level=Py_ssize_t, entity=int32_t)
cpdef count_days(const int32_t[:, ::1] entities, const int64_t[::1] days, const int64_t[::1] order, int64_t[::1] last,
                 int64_t[::1] sizes)

@cython.locals(place=Py_ssize_t, row=Py_ssize_t, level=Py_ssize_t, entity=int32_t, count=Py_ssize_t)
cpdef sum_days(const int32_t[:, ::1] entities, const int64_t[::1] days, const int64_t[::1] order,
               const int64_t[:, ::1] counts, int64_t[::1] last, int64_t[::1] ends, int64_t[::1] line,
               int64_t[:, ::1] sums)
