"""What lies outside what the model knows: warnings that a prediction carries, as the bits of one number a flight."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

from puntual.features.flight_keys import Keys
from puntual.features.route import CODED, RARE
from puntual.features.vector import CODE_COLUMNS, Matrix
from puntual.flights.arrays import Columns

_EPOCH = date(1970, 1, 1)
# The calendar repeats itself within a year; what traffic was like before or after that is not known.
_FARTHEST_DAYS = 366


class PredictionWarning(msgspec.Struct, frozen=True):
    """Why a prediction rests on less than usual."""

    code: str
    message: str


WARNINGS = (
    *(
        PredictionWarning(
            f"unknown_{kind}",
            f"the model does not know this {kind}: training saw it in fewer than {RARE} flights, or never",
        )
        for kind in CODED
    ),
    PredictionWarning("unknown_route", "training saw no flight from this origin to this destination"),
    PredictionWarning(
        "far_date",
        "the flight leaves more than a year after the last flight of training, or before the first",
    ),
    PredictionWarning(
        "no_history", "no past flights reach up to this one, so no recent delays stand behind it"
    ),
    PredictionWarning("same_airport", "origin and destination are the same airport"),
    PredictionWarning(
        "time_occurs_twice",
        "the clocks show this time twice that day; the first was taken, and an offset would name the other",
    ),
)
CODES = tuple(warning.code for warning in WARNINGS)
BITS = {code: 1 << place for place, code in enumerate(CODES)}
_BITS_OF_CODED = np.array([BITS[f"unknown_{kind}"] for kind in CODED])
_NO_AIRPORT = BITS["unknown_origin"] | BITS["unknown_destination"]


@dataclass(frozen=True)
class KnownWorld:
    """What training saw: the days of its first and last flight (since 1970), and its routes, None where not kept."""

    first: int
    last: int
    routes: frozenset[tuple[str, str]] | None

    def warnings(self, keys: Keys, matrix: Matrix, has_history: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Give the warnings of n flights with their vectors, shape (n,), as sums of `BITS`."""
        bits: NDArray[np.int64] = (matrix[:, CODE_COLUMNS] == 0) @ _BITS_OF_CODED
        far = (keys.day > self.last + _FARTHEST_DAYS) | (keys.day < self.first)
        same, unseen = self._of_routes(keys)
        unseen &= bits & _NO_AIRPORT == 0
        if keys.unknown is not None:
            far &= ~keys.unknown.scheduled_departure
            same &= ~keys.unknown.destination
            unseen &= ~keys.unknown.destination
        for code, holds in (
            ("unknown_route", unseen),
            ("far_date", far),
            ("no_history", ~has_history),
            ("same_airport", same),
        ):
            bits = bits | holds * BITS[code]
        return bits

    def _of_routes(self, keys: Keys) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Tell which flights end where they begin, and which are on a route that training did not see."""
        origins, destinations = keys.origin.values, keys.destination.values
        numbers = keys.origin.positions * len(destinations) + keys.destination.positions
        distinct, places = np.unique(numbers, return_inverse=True)
        pairs = [
            (origins[number // len(destinations)], destinations[number % len(destinations)])
            for number in distinct.tolist()
        ]
        same = np.array([origin == destination for origin, destination in pairs], bool)
        unseen = np.array([self.routes is not None and pair not in self.routes for pair in pairs], bool)
        return same[places], (unseen & ~same)[places]


def known_world(period: tuple[datetime, datetime], routes: Columns | None) -> KnownWorld:
    """Put together what training saw; `routes` is the bundle's table of origins and destinations, if it has one."""
    first, last = ((moment.date() - _EPOCH).days for moment in period)
    pairs = (
        None
        if routes is None
        else frozenset(zip(routes["origin"].tolist(), routes["destination"].tolist(), strict=True))
    )
    return KnownWorld(first, last, pairs)


# As many sums as there are: one of each set of warnings.
@lru_cache(maxsize=1 << len(CODES))
def warnings_of(bits: int) -> tuple[PredictionWarning, ...]:
    """Read the warnings out of a sum of `BITS`."""
    return tuple(warning for warning in WARNINGS if bits & BITS[warning.code])


@lru_cache(maxsize=1 << len(CODES))
def codes_of(bits: int) -> str:
    """Join the codes of the warnings by semicolons, as a cell of a table holds them."""
    return ";".join(warning.code for warning in warnings_of(bits))
