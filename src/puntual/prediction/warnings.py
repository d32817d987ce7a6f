"""What lies outside what the model knows: warnings that a prediction carries, as the bits of one number a flight."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

from puntual.features.flight_keys import Keys, distinct
from puntual.features.route import CODED, RARE, Vocabulary


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
        "the clocks show this time twice that day; the first was taken (a request may name the other by an offset)",
    ),
)
CODES = tuple(warning.code for warning in WARNINGS)
BITS = {code: 1 << place for place, code in enumerate(CODES)}


# As many sums as there are: one of each set of warnings.
@lru_cache(maxsize=1 << len(CODES))
def warnings_of(bits: int) -> tuple[PredictionWarning, ...]:
    """Read the warnings out of a sum of `BITS`."""
    return tuple(warning for warning in WARNINGS if bits & BITS[warning.code])


@lru_cache(maxsize=1 << len(CODES))
def codes_of(bits: int) -> str:
    """Join the codes of the warnings by semicolons, as a cell of a table holds them."""
    return ";".join(warning.code for warning in warnings_of(bits))


def count_warnings(bits: NDArray[np.int64]) -> dict[str, int]:
    """Count by code the flights that carry each warning, from their sums of `BITS`."""
    return {code: int((bits & bit > 0).sum()) for code, bit in BITS.items()}


# The calendar repeats itself within a year; what traffic was like before or after that is not known.
_FARTHEST_DAYS = 366
_NO_AIRPORT = BITS["unknown_origin"] | BITS["unknown_destination"]
_OF_DESTINATION = BITS["unknown_destination"] | BITS["unknown_route"] | BITS["same_airport"]


@dataclass(frozen=True)
class KnownWorld:
    """What training saw: the days of its first and last flight (since 1970), and its routes, None where not kept."""

    first: int
    last: int
    routes: frozenset[tuple[str, str]] | None
    vocabulary: Vocabulary

    def warnings(self, keys: Keys, has_history: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Give the warnings of n flights, shape (n,), as sums of `BITS`."""
        bits = self._of_names(keys)
        far = (keys.day > self.last + _FARTHEST_DAYS) | (keys.day < self.first)
        if keys.unknown is not None:
            far &= ~keys.unknown.scheduled_departure
            bits[keys.unknown.airline] &= ~BITS["unknown_airline"]
            bits[keys.unknown.destination] &= ~_OF_DESTINATION
        bits += far * BITS["far_date"] + ~has_history * BITS["no_history"]
        return bits

    def _of_names(self, keys: Keys) -> NDArray[np.int64]:
        """Warn of what of a flight's names training did not see, and of flights that end where they begin."""
        examples, places = distinct(keys.origin, keys.destination, keys.airline)
        named = (category.named(examples) for category in (keys.origin, keys.destination, keys.airline))
        return np.array([*map(self._of_flight, *named)], np.int64)[places]

    @cached_property
    def _of_flight(self) -> Callable[[str, str, str], int]:
        return lru_cache(maxsize=8_192)(self._warn_of)

    def _warn_of(self, origin: str, destination: str, airline: str) -> int:
        names = {"origin": origin, "airline": airline, "destination": destination}
        bits = sum(BITS[f"unknown_{kind}"] for kind in CODED if not self.vocabulary.code(kind, names[kind]))
        if origin == destination:
            return bits | BITS["same_airport"]
        # Of an airport that is not known no route is.
        seen = self.routes is None or bits & _NO_AIRPORT or (origin, destination) in self.routes
        return bits if seen else bits | BITS["unknown_route"]
