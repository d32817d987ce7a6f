"""Where the flight goes and who flies it: identities, great-circle distance, domestic or international."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from puntual.features.flight_keys import Category, Keys
from puntual.features.spec import Feature, Group, Known
from puntual.flights import airports
from puntual.flights.arrays import Columns

AIRLINE_FEATURES = (
    Feature(
        "airline_code",
        Group.AIRLINE,
        Known.TIMETABLE,
        "rank of the airline by flights in training; 0 unseen or rare",
    ),
)
FEATURES = (
    Feature(
        "origin_code",
        Group.ROUTE,
        Known.TIMETABLE,
        "rank of the origin by flights in training; 0 unseen or rare",
    ),
    Feature("destination_code", Group.ROUTE, Known.TIMETABLE, "rank of the destination likewise"),
    Feature("distance_km", Group.ROUTE, Known.TIMETABLE, "great-circle distance"),
    Feature("bearing_north", Group.ROUTE, Known.TIMETABLE, "cosine of the initial bearing: 1 due north"),
    Feature("bearing_east", Group.ROUTE, Known.TIMETABLE, "sine of the initial bearing: 1 due east"),
    Feature(
        "international", Group.ROUTE, Known.TIMETABLE, "1 when the countries of origin and destination differ"
    ),
)

RARE = 30
_EARTH_RADIUS_KM = 6371.0088


# Of all pairs of airports there are hundreds of millions.
@lru_cache(maxsize=16_384)
def of_route(origin: str, destination: str) -> tuple[float, ...]:
    """Give distance, bearing and whether a border is crossed, in the order of `FEATURES` after the codes.

    >>> [round(value, 3) for value in of_route("SCL", "MIA")]
    [6657.729, 0.985, -0.172, 1.0]

    All are NaN for an airport whose place nobody lists.
    """
    start, end = airports.look_up(origin), airports.look_up(destination)
    if start is None or end is None:
        return (math.nan,) * 4
    lat, lat_end = math.radians(start.latitude), math.radians(end.latitude)
    turn = math.radians(end.longitude - start.longitude)
    east = math.sin(turn) * math.cos(lat_end)
    north = math.cos(lat) * math.sin(lat_end) - math.sin(lat) * math.cos(lat_end) * math.cos(turn)
    chord = math.sin((lat_end - lat) / 2) ** 2 + math.cos(lat) * math.cos(lat_end) * math.sin(turn / 2) ** 2
    length = math.hypot(north, east) or 1.0
    distance = 2 * _EARTH_RADIUS_KM * math.asin(math.sqrt(chord))
    return distance, north / length, east / length, float(start.country != end.country)


@dataclass(frozen=True)
class Vocabulary:
    """The airlines, origins and destinations that training saw often enough, as codes from 1."""

    codes: dict[str, dict[str, int]]

    def code(self, kind: str, value: str) -> float:
        """Give the code of a value; 0 where training saw it rarely or never."""
        return float(self.codes[kind].get(value, 0))

    @cached_property
    def row(self) -> Callable[[str, str, str], tuple[float, ...]]:
        """Give the features of an origin, a destination and an airline: `AIRLINE_FEATURES`, then `FEATURES`."""
        # Of those that fly there are thousands; of those that somebody may ask about there is no end.
        return lru_cache(maxsize=8_192)(self._row)

    def _row(self, origin: str, destination: str, airline: str) -> tuple[float, ...]:
        return (
            self.code("airline", airline),
            self.code("origin", origin),
            self.code("destination", destination),
            *of_route(origin, destination),
        )

    def to_table(self) -> Columns:
        """Lay the vocabulary out as a table, to be stored."""
        rows = [(kind, value, code) for kind, codes in self.codes.items() for value, code in codes.items()]
        kinds, values, numbers = zip(*rows, strict=True) if rows else ((), (), ())
        return {
            "kind": np.array(kinds, np.str_),
            "value": np.array(values, np.str_),
            "code": np.array(numbers, np.int64),
        }


def vocabulary_from(table: Columns) -> Vocabulary:
    """Read back what `to_table` laid out."""
    codes: dict[str, dict[str, int]] = {kind: {} for kind in CODED}
    for kind, value, code in zip(*(table[name].tolist() for name in ("kind", "value", "code")), strict=True):
        codes[kind][value] = code
    return Vocabulary(codes)


def learn_vocabulary(keys: Keys) -> Vocabulary:
    """Rank the values of each coded key by their flights, most first, leaving out the rare."""
    return Vocabulary({kind: _ranks(keys.known_of(kind)) for kind in CODED})


CODED = ("origin", "airline", "destination")


def codes(vocabulary: Vocabulary, kind: str, category: Category) -> Iterable[float]:
    """Give the code of each distinct value of a category."""
    return (vocabulary.code(kind, value) for value in category.values)


def _ranks(category: Category) -> dict[str, int]:
    flights = np.bincount(category.positions, minlength=len(category.values)).tolist()
    return ranked(dict(zip(category.values, flights, strict=True)))


def ranked(flights: Mapping[str, int]) -> dict[str, int]:
    """Rank values by their flights, most first, leaving out the rare."""
    counted = sorted((-count, value) for value, count in flights.items())
    return {value: rank for rank, (count, value) in enumerate(counted, start=1) if -count >= RARE}
