# The types by which kernel.py is compiled; whoever interprets it does not read them.
cimport cython
from libc.stdint cimport int32_t, int64_t, uint64_t

cdef uint64_t _WHOLE, _GOLDEN, _FIRST, _SECOND, _NETWORK
cdef double _NAN
cdef int64_t _NEAR, _WIDE, _MINUTE, _DAY, _ROUTE

@cython.locals(mixed=uint64_t)
cdef uint64_t join(uint64_t first, uint64_t second) noexcept nogil

@cython.locals(place=Py_ssize_t)
cpdef join_all(const uint64_t[::1] first, const uint64_t[::1] second, uint64_t[::1] joined)

cdef class Names:
    cdef const uint64_t[::1] ids
    cdef const int64_t[::1] positions

    @cython.locals(number=uint64_t)
    cdef uint64_t of(self, Py_ssize_t flight) noexcept nogil

cdef class Flights:
    cdef const int64_t[::1] day
    cdef const int64_t[::1] minute
    cdef Names origin, airline, destination, number
    cdef int64_t airlines, destinations, origins

    @cython.locals(day=int64_t)
    cdef uint64_t segment(self, Py_ssize_t flight, bint by_weekday) noexcept nogil

    @cython.locals(number=int64_t)
    cdef int64_t key(self, Py_ssize_t flight, int64_t kind) noexcept nogil

    @cython.locals(destination=uint64_t, airport=uint64_t, airline=uint64_t, route=uint64_t)
    cdef void entities(self, Py_ssize_t flight, Room room) noexcept nogil

cdef class Room:
    cdef int64_t parents[6]
    cdef double strengths[6]
    cdef int64_t days[4]
    cdef uint64_t ids[6]
    cdef Py_ssize_t begins[6]
    cdef Py_ssize_t ends[6]
    cdef Py_ssize_t lows[6]
    cdef int64_t since
    cdef double rates[6]
    cdef double delays[6]

@cython.locals(row=Py_ssize_t, level=Py_ssize_t)
cpdef all_entities(Flights flights, Room room, Py_ssize_t start, uint64_t[:, ::1] ids)


@cython.locals(middle=Py_ssize_t)
cdef Py_ssize_t first_from(const int64_t[::1] line, int64_t value, Py_ssize_t low, Py_ssize_t high) noexcept nogil

cdef class Index:
    cdef const uint64_t[::1] ids
    cdef const int64_t[::1] begins
    cdef int shift

    @cython.locals(part=uint64_t, place=Py_ssize_t, end=Py_ssize_t)
    cdef Py_ssize_t place(self, uint64_t number) noexcept nogil

cdef class OperationLine:
    cdef Index index
    cdef const int64_t[::1] begins
    cdef const int64_t[::1] days
    cdef const int64_t[:, ::1] totals
    cdef int64_t first, end

    @cython.locals(row=Py_ssize_t, flight=Py_ssize_t, day=int64_t,
                   end=int64_t, level=Py_ssize_t, window=Py_ssize_t, begin=int64_t)
    cpdef fill(self, Flights flights, const int64_t[::1] closed, Py_ssize_t start, Room room, double[:, ::1] rows,
               Py_ssize_t column)

    cdef int64_t reached(self, int64_t day) noexcept nogil

    @cython.locals(place=Py_ssize_t, begin=Py_ssize_t, after=Py_ssize_t, low=Py_ssize_t, high=Py_ssize_t)
    cdef void find(self, Room room, Py_ssize_t level, int64_t end) noexcept nogil

    @cython.locals(low=Py_ssize_t, high=Py_ssize_t)
    cdef Py_ssize_t low(self, Room room, Py_ssize_t level, int64_t day) noexcept nogil

    @cython.locals(level=Py_ssize_t, low=Py_ssize_t, high=Py_ssize_t, place=Py_ssize_t, parent=int64_t, strength=double,
                   operated=double, rate=double, departed=double, delay=double)
    cdef void window(self, Room room, int64_t begin, double[:, ::1] rows, Py_ssize_t row, Py_ssize_t column) noexcept nogil

cdef class DepartureLine:
    cdef Index index
    cdef const int64_t[::1] begins
    cdef readonly const int64_t[::1] line
    cdef const double[::1] daily
    cdef int64_t weeks
    cdef bint by_weekday

    @cython.locals(flight=Py_ssize_t, place=Py_ssize_t)
    cpdef count_days(self, Flights flights, double[::1] daily)

    @cython.locals(airport=uint64_t)
    cdef void fill(self, Flights flights, Py_ssize_t flight, double[:, ::1] rows, Py_ssize_t row,
                   Py_ssize_t column) noexcept nogil

    @cython.locals(place=Py_ssize_t, begin=Py_ssize_t, end=Py_ssize_t, wide=Py_ssize_t, near=Py_ssize_t,
                   previous=Py_ssize_t, after_near=Py_ssize_t, after_wide=Py_ssize_t)
    cdef void around(self, uint64_t segment, int64_t minute, double[:, ::1] rows, Py_ssize_t row,
                     Py_ssize_t column) noexcept nogil

@cython.locals(flight=Py_ssize_t)
cpdef all_segments(Flights flights, bint by_weekday, uint64_t[:, ::1] ids)

@cython.locals(row=Py_ssize_t)
cpdef fill_congestion(Flights flights, DepartureLine known, DepartureLine usual, const unsigned char[::1] is_known,
                      Py_ssize_t start, double[:, ::1] rows, Py_ssize_t column)

@cython.locals(row=Py_ssize_t, flight=Py_ssize_t, key=int64_t, values=tuple, place=Py_ssize_t)
cpdef fill_recurring(Flights flights, int64_t kind, make, dict made, Py_ssize_t start, double[:, ::1] rows,
                      Py_ssize_t column)

@cython.locals(flight=Py_ssize_t)
cpdef all_keys(Flights flights, int64_t kind, uint64_t[::1] keys)

@cython.locals(row=Py_ssize_t, place=Py_ssize_t)
cpdef copy_rows(const double[:, ::1] values, const int32_t[::1] places, Py_ssize_t start, double[:, ::1] rows,
                Py_ssize_t column)

@cython.locals(row=Py_ssize_t, place=Py_ssize_t, column=Py_ssize_t, common=Py_ssize_t)
cpdef Py_ssize_t states_of(const float[:, ::1] matrix, tuple sentinels, signed char[::1] places) except -2
