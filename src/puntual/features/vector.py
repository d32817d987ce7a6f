"""The feature vector: which features it holds, in which order, and how flights become one matrix."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puntual.errors import NotKnownYetError
from puntual.features import calendar, clock, history, kernel, route, timetable
from puntual.features.flight_keys import EVERY, FEW, UNKNOWABLE, Days, Keys, Numbering, Unknown, view
from puntual.features.history import History
from puntual.features.route import Vocabulary
from puntual.features.spec import Feature, Group, Known
from puntual.features.timetable import Timetable
from puntual.flights import airports
from puntual.storage import scratch

Matrix = NDArray[np.float32]


def ordered(*kinds: tuple[Feature, ...], known: Known) -> tuple[Feature, ...]:
    """Put the features of several kinds in one order, refusing any that is not known by then.

    >>> late = Feature("air_time", Group.ROUTE, Known.OUTCOME, "minutes in the air")
    >>> ordered((late,), known=Known.HISTORY)
    Traceback (most recent call last):
    puntual.errors.NotKnownYetError: feature 'air_time' is known with the OUTCOME, but the vector is made
    with what is known by HISTORY; leave it out
    """
    features = tuple(feature for kind in kinds for feature in kind)
    for feature in features:
        if feature.known > known:
            raise NotKnownYetError(
                f"feature {feature.name!r} is known with the {feature.known.name}, but the vector is made "
                f"with what is known by {known.name}; leave it out"
            )
    return features


FEATURES = ordered(
    calendar.FEATURES,
    clock.FEATURES,
    route.AIRLINE_FEATURES,
    route.FEATURES,
    timetable.FEATURES,
    history.FEATURES,
    known=Known.HISTORY,
)
COLUMNS = tuple(feature.name for feature in FEATURES)
# What is known by the day before; `features/live_vector.py` has the others.
GROUPS = (Group.CALENDAR, Group.AIRLINE, Group.ROUTE, Group.TIME_OF_DAY, Group.CONGESTION, Group.HISTORY)
_SCALES = 2.0 ** np.array([feature.bits for feature in FEATURES])
_INVERSE = 1 / _SCALES
# The rows of so many flights fit into the cache that each core has to itself.
_CHUNK = 512
Blocks = NDArray[np.float64]
# A kind of key, the first column, what makes a flight's row, and the rows made so far.
_Recurring = tuple[int, int, kernel.Maker, dict[int, kernel.Values]]
# The first column of what recurs, its rows, and which is each flight's.
_Copies = tuple[int, NDArray[np.float64], NDArray[np.int32]]
_DAY = 0
_CLOCK, _ROUTE, _CONGESTION, _HISTORY = (
    COLUMNS.index(features[0].name)
    for features in (clock.FEATURES, route.AIRLINE_FEATURES, timetable.FEATURES, history.FEATURES)
)
# History comes last.
_TIMETABLE, _PAST = slice(_HISTORY), slice(_HISTORY, None)


@dataclass(frozen=True, slots=True)
class Lookups:
    """What features are looked up in: what training saw, the timetables and the past operations."""

    vocabulary: Vocabulary
    typical: Timetable
    history: History


def vectorise(
    keys: Keys,
    lookups: Lookups,
    known: Timetable,
    is_known: NDArray[np.bool_],
    closed: Days,
    matrix: Matrix | None = None,
) -> Matrix:
    """Turn n flights into a float32 matrix of shape (n, len(COLUMNS)), which may be given.

    `is_known` says for which flights the timetable of the day is known, and so is read from `known` rather
    than from the typical week; `closed` is the day before which operations are known, flight by flight.
    """
    made = np.empty((len(keys), len(COLUMNS)), np.float32) if matrix is None else matrix
    flights, recurring = keys.for_kernel(), _recurring(keys, lookups.vocabulary)
    copies = None if len(keys) <= FEW else _copies(keys, lookups.vocabulary)

    def fill_timetable(part: slice) -> None:
        for start, rows in _blocks(part, _HISTORY):
            if copies is None:
                for kind, column, make, kept in recurring:
                    kernel.fill_recurring(flights, kind, make, kept, start, view(rows), column)
            for column, values, places in copies or ():
                kernel.copy_rows(view(values), view(places), start, view(rows), column)
            timetable.fill_congestion(flights, known, lookups.typical, is_known, start, rows, _CONGESTION)
            made[start : start + len(rows), _TIMETABLE] = _round(rows, _TIMETABLE)

    # What flew alike lies together in memory, as what leaves together does in timetables.
    order = keys.alike_together()
    alike, closed_alike = (
        (flights, closed) if order is None else (keys.take(order).for_kernel(), closed[order])
    )

    def fill_history(part: slice) -> None:
        for start, rows in _blocks(part, len(COLUMNS) - _HISTORY):
            lookups.history.fill(alike, closed_alike, start, rows, 0)
            block = slice(start, start + len(rows))
            made[block if order is None else order[block], _PAST] = _round(rows, _PAST)

    for fill in (fill_timetable, fill_history):
        if len(keys) <= FEW:
            fill(slice(0, len(keys)))
        else:
            # What is interpreted holds all other threads up.
            scratch.in_shares(len(keys), fill, alone=not kernel.is_compiled())
    return hide_unknown(made, keys)


def _copies(keys: Keys, vocabulary: Vocabulary) -> list[_Copies]:
    """Make what recurs once for each key of n flights, but for the clock's rows, which are there."""
    origin, destination, airline = keys.origin.named, keys.destination.named, keys.airline.named
    return [
        (_DAY, *_rows(keys, kernel.BY_DAY, _of_day, lambda flights: keys.day[flights].tolist(), origin)),
        (_CLOCK, _CLOCK_ROWS, keys.minute.astype(np.int32)),
        (_ROUTE, *_rows(keys, kernel.BY_ROUTE, vocabulary.row, origin, destination, airline)),
    ]


def _rows(
    keys: Keys, kind: int, make: Callable[..., kernel.Values], *words: Callable[[NDArray[np.intp]], list[Any]]
) -> tuple[Blocks, NDArray[np.int32]]:
    """Make the row of each key of a kind from the words of a flight that has it; give the rows, and each flight's."""
    numbers = np.empty(len(keys), np.uint64)
    kernel.all_keys(keys.for_kernel(), kind, view(numbers))
    numbering = Numbering()
    places = numbering.add(numbers)
    example = np.empty(len(numbering.ids), np.intp)
    example[places] = np.arange(len(keys))
    rows = [*map(make, *(of(example) for of in words))]
    # `np.array` would look at each number twice.
    values = np.fromiter(chain.from_iterable(rows), np.float64, len(rows) * len(rows[0]))
    return values.reshape(len(rows), -1), places


def _blocks(part: slice, columns: int) -> Iterator[tuple[int, Blocks]]:
    """Part rows into blocks; give where each begins, and room for it, which is the same for all."""
    rows = np.empty((min(part.stop - part.start, _CHUNK), columns))
    for start in range(part.start, part.stop, _CHUNK):
        yield start, rows[: part.stop - start]


def on_grid(values: Blocks, columns: NDArray[np.intp] | slice = EVERY) -> Matrix:
    """Round values of these columns of the vector to the grids of their features, as float32.

    A tree's threshold lies midway between two values. Midway between two numbers of a binary grid is a float32
    too, so the threshold is the same in the estimator's doubles and in ONNX's floats. What a coarse grid leaves
    out is noise, and would come to name the day.

    >>> on_grid(np.array([0.3, 1.0]), CODE_COLUMNS[:2])
    array([0.30078125, 1.        ], dtype=float32)
    """
    return _round(values.copy(), columns).astype(np.float32)


def _round(values: Blocks, columns: NDArray[np.intp] | slice) -> Blocks:
    """Round values of some columns, in place, to the nearest numbers of their grids, whose scales are powers of two."""
    values *= _SCALES[columns]
    np.rint(values, out=values)
    values *= _INVERSE[columns]
    return values


CODE_COLUMNS = np.array([COLUMNS.index(f"{kind}_code") for kind in route.CODED])


def codes_of(keys: Keys, vocabulary: Vocabulary) -> Matrix:
    """Give the codes of n flights in the order of `CODE_COLUMNS`, the only features that a vocabulary has a part in."""
    codes = [
        np.array([*route.codes(vocabulary, kind, category)])[category.positions]
        for kind, category in ((kind, getattr(keys, kind)) for kind in route.CODED)
    ]
    return on_grid(np.column_stack(codes), CODE_COLUMNS)


def columns_of(group: Group) -> NDArray[np.intp]:
    """Give the positions in the vector of one group's features."""
    return np.array([place for place, feature in enumerate(FEATURES) if feature.group is group])


# The features that each field which may be unknown has a part in, by the beginnings of their names.
_MADE_OF = {
    "airline": ("airline_", "route_", "flight_"),
    "flight_number": ("flight_",),
    "destination": ("destination_", "distance_", "bearing_", "international", "route_", "flight_"),
    "scheduled_departure": tuple(
        feature.name
        for feature in FEATURES
        if feature.group in (Group.CALENDAR, Group.TIME_OF_DAY, Group.CONGESTION, Group.HISTORY)
    ),
}
_MONTH = np.array([COLUMNS.index("month_sin"), COLUMNS.index("month_cos")])
_INTERNATIONAL = COLUMNS.index("international")


def columns_made_of(field: str) -> NDArray[np.intp]:
    """Give the positions in the vector of all features that are made of one of `UNKNOWABLE`."""
    return np.array([place for place, name in enumerate(COLUMNS) if name.startswith(_MADE_OF[field])])


def hide_unknown(matrix: Matrix, keys: Keys) -> Matrix:
    """Make every feature NaN, in place, that is made of something unknown, but for what month or border still tell."""
    return matrix if keys.unknown is None else _without(matrix, keys.unknown)


def _without(matrix: Matrix, unknown: Unknown) -> Matrix:
    for field in UNKNOWABLE:
        matrix[np.ix_(getattr(unknown, field), columns_made_of(field))] = np.nan
    dated = unknown.scheduled_departure & (unknown.month > 0)
    if dated.any():
        months = (calendar.of_month(month) for month in unknown.month[dated].tolist())
        matrix[np.ix_(dated, _MONTH)] = on_grid(np.array(list(months)), _MONTH)
    matrix[unknown.destination, _INTERNATIONAL] = unknown.international[unknown.destination]
    return matrix


# The clock's features of each minute of the day.
_MINUTES: dict[int, kernel.Values] = dict(enumerate(map(clock.of_minute, range(clock.MINUTES_A_DAY))))
_CLOCK_ROWS = np.array(list(_MINUTES.values()))


def _recurring(keys: Keys, vocabulary: Vocabulary) -> tuple[_Recurring, ...]:
    """Say of what recurs from flight to flight how it is told apart, where it stands, and how a flight's is made."""
    origin, destination, airline = keys.origin.value_of, keys.destination.value_of, keys.airline.value_of
    return (
        (kernel.BY_DAY, _DAY, lambda flight: _of_day(keys.day.item(flight), origin(flight)), {}),
        (kernel.BY_MINUTE, _CLOCK, lambda flight: clock.of_minute(keys.minute.item(flight)), _MINUTES),
        (
            kernel.BY_ROUTE,
            _ROUTE,
            lambda flight: vocabulary.row(origin(flight), destination(flight), airline(flight)),
            {},
        ),
    )


# Beyond what the calendar keeps by country: to find the country takes longer than all else.
@lru_cache(maxsize=4_096)
def _of_day(day: int, origin: str) -> tuple[float, ...]:
    return calendar.of_date(date(1970, 1, 1) + timedelta(days=day), airports.country_of(origin))
