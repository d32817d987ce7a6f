# The types by which band_kernel.py is compiled; whoever interprets it does not read them.
cimport cython
from libc.stdint cimport int32_t, int64_t

cdef double _NAN, _LITTLE
cdef float _INFINITE
cdef Py_ssize_t _NODE

@cython.locals(rows=Py_ssize_t, width=Py_ssize_t, size=Py_ssize_t, own=Py_ssize_t, value=float, start=Py_ssize_t, row=Py_ssize_t, eight=Py_ssize_t, first=Py_ssize_t, _=Py_ssize_t,
               a=Py_ssize_t, b=Py_ssize_t, c=Py_ssize_t, d=Py_ssize_t, e=Py_ssize_t, f=Py_ssize_t, g=Py_ssize_t,
               h=Py_ssize_t, v=float, w=float, x=float, y=float, z=float, lane=Py_ssize_t, leaf=Py_ssize_t, band=Py_ssize_t, place=Py_ssize_t)
cpdef sum_leaves(const int32_t[::1] roots, const int32_t[::1] depths, const int32_t[::1] nodes,
                 const float[::1] splits, const float[:, ::1] weights, const int32_t[::1] bands,
                 const float[:, ::1] matrix, float[:, ::1] shown, int32_t[::1] reached, float[:, ::1] logits)

cdef inline float single(float number) noexcept nogil

@cython.locals(row=Py_ssize_t, place=Py_ssize_t, column=Py_ssize_t, rate=double)
cpdef recent_rates(const float[:, ::1] matrix, tuple columns, double floor, double ceiling, double[:, ::1] rates)

@cython.locals(row=Py_ssize_t, place=Py_ssize_t, rate=double, weight=double, reached=double, recent=double)
cpdef odds(const double[:, ::1] rates, tuple weights, double on_recent, double base, double[::1] expected)

@cython.locals(row=Py_ssize_t, band=Py_ssize_t, apart=double, scaled=double)
cpdef scale(double[:, ::1] logits, const double[:, ::1] by_band, double slope, double follow,
            const double[::1] level)

@cython.locals(row=Py_ssize_t, band=Py_ssize_t, largest=double)
cpdef less_the_largest(double[:, ::1] logits)

@cython.locals(row=Py_ssize_t, band=Py_ssize_t, whole=double)
cpdef share_out(double[:, ::1] raised)

@cython.locals(row=Py_ssize_t, band=Py_ssize_t, whole=double)
cpdef weigh(const double[:, ::1] bands, const double[::1] minutes, double[::1] expected)

@cython.locals(steps=Py_ssize_t, row=Py_ssize_t, place=Py_ssize_t, level=double, band=Py_ssize_t, reached=double,
               own=double, share=double, step=Py_ssize_t, low=double)
cpdef quantiles(const double[:, ::1] bands, const double[:, ::1] within, tuple levels, double[:, ::1] minutes)

@cython.locals(row=Py_ssize_t, place=Py_ssize_t, column=Py_ssize_t, count=double)
cpdef counts(const float[:, ::1] matrix, tuple columns, int64_t[:, ::1] flights)
