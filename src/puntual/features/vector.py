"""The feature vector: which features it holds, in which order, and how flights become one matrix."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from puntual.errors import NotKnownYetError
from puntual.features import calendar, clock, history, route, timetable
from puntual.features.flight_keys import EVERY, UNKNOWABLE, Days, Keys, Places, Unknown, as_ids, distinct
from puntual.features.history import History
from puntual.features.route import Vocabulary
from puntual.features.spec import Feature, Group, Known
from puntual.features.timetable import Timetable
from puntual.flights import airports

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
# So many flights fit into the processor's cache.
_CHUNK = 4_096
Blocks = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lookups:
    """What features are looked up in: what training saw, the timetables and the past operations."""

    vocabulary: Vocabulary
    typical: Timetable
    history: History


def vectorise(
    keys: Keys, lookups: Lookups, known: Timetable, is_known: NDArray[np.bool_], closed: Days
) -> Matrix:
    """Turn n flights into a float32 matrix of shape (n, len(COLUMNS)).

    `is_known` says for which flights the timetable of the day is known, and so is read from `known` rather
    than from the typical week; `closed` is the day before which operations are known, flight by flight.
    """
    if not len(keys):
        return np.empty((0, len(COLUMNS)), np.float32)
    blocks = [
        _calendar(keys),
        (_minutes(), keys.minute),
        _route(keys, lookups.vocabulary),
        (_congestion(keys, lookups.typical, known, is_known), EVERY),
        *lookups.history.blocks(keys, closed),
    ]
    matrix = np.empty((len(keys), len(COLUMNS)), np.float32)
    for start in range(0, len(keys), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        rows = [rows[chunk if isinstance(places, slice) else places[chunk]] for rows, places in blocks]
        matrix[chunk] = on_grid(np.concatenate(rows, axis=1))
    return hide_unknown(matrix, keys)


def on_grid(values: Blocks, columns: NDArray[np.intp] | slice = EVERY) -> Matrix:
    """Round values of these columns of the vector to the grids of their features, as float32.

    A tree's threshold lies midway between two values. Midway between two numbers of a binary grid is a float32
    too, so the threshold is the same in the estimator's doubles and in ONNX's floats. What a coarse grid leaves
    out is noise, and would come to name the day.

    >>> on_grid(np.array([0.3, 1.0]), CODE_COLUMNS[:2])
    array([0.30078125, 1.        ], dtype=float32)
    """
    scales = _SCALES[columns]
    return (np.rint(values * scales) / scales).astype(np.float32)


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


def _calendar(keys: Keys) -> tuple[Blocks, Places]:
    examples, places = distinct(as_ids(keys.day), keys.origin)
    rows = map(_of_day, keys.day[examples].tolist(), keys.origin.named(examples))
    return np.array([*rows]), places


# Beyond what the calendar keeps by country: to find the country takes longer than all else.
@lru_cache(maxsize=4_096)
def _of_day(day: int, origin: str) -> tuple[float, ...]:
    return calendar.of_date(date(1970, 1, 1) + timedelta(days=day), airports.country_of(origin))


@cache
def _minutes() -> Blocks:
    """Give the clock features of all minutes of the day, shape (1440, 6)."""
    return np.array([*map(clock.of_minute, range(clock.MINUTES_A_DAY))])


def _route(keys: Keys, vocabulary: Vocabulary) -> tuple[Blocks, Places]:
    """Give the airline's code, and the features of the route."""
    examples, places = distinct(keys.origin, keys.destination, keys.airline)
    named = (category.named(examples) for category in (keys.origin, keys.destination, keys.airline))
    return np.array([*map(vocabulary.row, *named)]), places


def _congestion(keys: Keys, typical: Timetable, known: Timetable, is_known: NDArray[np.bool_]) -> Blocks:
    """Give the congestion features of n flights, from the known timetable where it is known."""
    if is_known.all():
        return known.congestion(keys)
    congestion = typical.congestion(keys)
    if is_known.any():
        congestion[is_known] = known.congestion(keys)[is_known]
    return congestion
