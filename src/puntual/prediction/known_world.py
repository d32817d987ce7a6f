"""What a model knows of the world, and the warnings for flights that lie outside it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from puntual.features.flight_keys import Keys, distinct
from puntual.features.route import CODED, Vocabulary
from puntual.features.shown_times import shown_departures
from puntual.flights import airports
from puntual.prediction.predictions import Predictions
from puntual.prediction.warnings import BITS

# The calendar repeats itself within a year; what traffic was like before or after that is not known.
_FARTHEST_DAYS = 366
_NO_AIRPORT = BITS["unknown_origin"] | BITS["unknown_destination"]
_OF_DESTINATION = BITS["unknown_destination"] | BITS["unknown_route"] | BITS["same_airport"]


@dataclass(frozen=True)
class KnownWorld:
    """What training saw: the days of its first and last flight (since 1970), and its routes, None where not kept.

    `unlisted` are airports that nobody lists, with their time zones.
    """

    first: int
    last: int
    routes: frozenset[tuple[str, str]] | None
    vocabulary: Vocabulary
    unlisted: Mapping[str, str] = field(default_factory=dict)

    def warnings(self, keys: Keys, has_history: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Give the warnings of n flights, shape (n,), as sums of `prediction.warnings.BITS`."""
        bits = self._of_names(keys)
        far = (keys.day > self.last + _FARTHEST_DAYS) | (keys.day < self.first)
        if keys.unknown is not None:
            far &= ~keys.unknown.scheduled_departure
            bits[keys.unknown.airline] &= ~BITS["unknown_airline"]
            bits[keys.unknown.destination] &= ~_OF_DESTINATION
        bits += far * BITS["far_date"] + ~has_history * BITS["no_history"]
        return bits

    def warn_of_twice(self, predictions: Predictions, keys: Keys) -> Predictions:
        """Warn of flights at a time that the clocks show twice, where no offset can have said which is meant."""
        twice = shown_departures(keys, partial(airports.zone_of, unlisted=self.unlisted)).twice
        return replace(predictions, warnings=predictions.warnings | twice * BITS["time_occurs_twice"])

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
