"""The feature vector: which features it holds, in which order, and how flights become one matrix."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from puntual.errors import NotKnownYetError
from puntual.features import calendar, clock, history, route, timetable
from puntual.features.flight_keys import UNKNOWABLE, Days, Keys, Unknown, as_ids, combine, distinct
from puntual.features.history import History
from puntual.features.route import Vocabulary
from puntual.features.spec import Feature, Group, Known, on_grid
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
GROUPS = tuple(Group)
BITS = 8


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
    airline_code = _gather(route.codes(lookups.vocabulary, "airline", keys.airline), keys.airline.positions)
    matrix = np.hstack(
        [
            _calendar(keys),
            _clock(keys),
            airline_code,
            _route(keys, lookups.vocabulary),
            _congestion(keys, lookups.typical, known, is_known),
            lookups.history.features(keys, closed),
        ]
    )
    return hide_unknown(matrix, keys)


CODE_COLUMNS = np.array([COLUMNS.index(f"{kind}_code") for kind in route.CODED])


def codes_of(keys: Keys, vocabulary: Vocabulary) -> Matrix:
    """Give the codes of n flights in the order of `CODE_COLUMNS`, the only features that a vocabulary has a part in."""
    categories = (getattr(keys, kind) for kind in route.CODED)
    codes = (
        _gather(route.codes(vocabulary, kind, category), category.positions)
        for kind, category in zip(route.CODED, categories, strict=True)
    )
    return np.hstack(list(codes))


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
        matrix[np.ix_(dated, _MONTH)] = on_grid(np.array(list(months)), BITS)
    matrix[unknown.destination, _INTERNATIONAL] = unknown.international[unknown.destination]
    return matrix


def _gather(values: Iterable[float | tuple[float, ...]], places: NDArray[np.intp]) -> Matrix:
    distinct_rows = on_grid(np.array(list(values), np.float64), BITS)
    return distinct_rows.reshape(len(distinct_rows), -1)[places]


def _calendar(keys: Keys) -> Matrix:
    examples, places = distinct(combine(as_ids(keys.day), keys.origin.ids))
    origins = (keys.origin.values[place] for place in keys.origin.positions[examples])
    days = (date(1970, 1, 1) + timedelta(days=int(day)) for day in keys.day[examples])
    rows = (
        calendar.of_date(day, airports.country_of(origin)) for day, origin in zip(days, origins, strict=True)
    )
    return _gather(rows, places)


def _clock(keys: Keys) -> Matrix:
    examples, places = distinct(keys.minute)
    return _gather((clock.of_minute(int(minute)) for minute in keys.minute[examples]), places)


def _route(keys: Keys, vocabulary: Vocabulary) -> Matrix:
    examples, places = distinct(combine(keys.origin.ids, keys.destination.ids))
    pairs = [
        (
            keys.origin.values[keys.origin.positions[row]],
            keys.destination.values[keys.destination.positions[row]],
        )
        for row in examples
    ]
    rows = (
        (
            vocabulary.code("origin", origin),
            vocabulary.code("destination", destination),
            *route.of_route(origin, destination),
        )
        for origin, destination in pairs
    )
    return _gather(rows, places)


def _congestion(keys: Keys, typical: Timetable, known: Timetable, is_known: NDArray[np.bool_]) -> Matrix:
    """Give the congestion features of n flights, from the known timetable where it is known."""
    if is_known.all():
        return on_grid(known.congestion(keys), BITS)
    congestion = typical.congestion(keys)
    if is_known.any():
        congestion[is_known] = known.congestion(keys)[is_known]
    return on_grid(congestion, BITS)
