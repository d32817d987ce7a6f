"""The two halves of a scored sample: what happened to some flights, and what was predicted for them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from puntual.errors import NotEnoughFlightsError
from puntual.flights.flight import BAND_COUNT

QUANTILES = (0.5, 0.8, 0.95)


@dataclass(frozen=True)
class Outcomes:
    """What happened: each flight's band (0 to 4), delay in minutes (NaN where cancelled) and day.

    `day` counts days since the epoch at the scheduled departure; the flights of a day are one block of the
    bootstrap.
    """

    band: NDArray[np.int8]
    delay: NDArray[np.float64]
    day: NDArray[np.int32]

    def __post_init__(self) -> None:
        _expect_shape("delay", self.delay, (len(self.band),))
        _expect_shape("day", self.day, (len(self.band),))

    def __len__(self) -> int:
        return len(self.band)

    @property
    def late(self) -> NDArray[np.bool_]:
        """Tell which flights were late or cancelled."""
        return self.band > 0

    @property
    def departed(self) -> NDArray[np.bool_]:
        """Tell which flights have a delay at all."""
        return ~np.isnan(self.delay)

    def only(self, chosen: NDArray[np.bool_]) -> "Outcomes":
        """Keep the chosen flights."""
        return Outcomes(self.band[chosen], self.delay[chosen], self.day[chosen])


@dataclass(frozen=True)
class Predicted:
    """What was predicted: the probability of each band, and the delay in minutes at p50, p80 and p95."""

    bands: NDArray[np.floating]
    quantiles: NDArray[np.floating]

    def __post_init__(self) -> None:
        _expect_shape("bands", self.bands, (len(self.bands), BAND_COUNT))
        _expect_shape("quantiles", self.quantiles, (len(self.bands), len(QUANTILES)))

    def __len__(self) -> int:
        return len(self.bands)

    @property
    def late_probability(self) -> NDArray[np.float64]:
        """Add up the probabilities of the late bands."""
        late_probability: NDArray[np.float64] = self.bands[:, 1:].sum(axis=1, dtype=np.float64)
        return late_probability

    def only(self, chosen: NDArray[np.bool_]) -> "Predicted":
        """Keep the chosen flights."""
        return Predicted(self.bands[chosen], self.quantiles[chosen])


def expect_same_flights(outcomes: Outcomes, predicted: Predicted) -> None:
    """Refuse samples that are empty, of two lengths, or predicted by what is no distribution."""
    if len(outcomes) == 0:
        raise NotEnoughFlightsError(
            "0 flights to score; at least one is needed: widen the dates or check the table"
        )
    _expect_shape("bands", predicted.bands, (len(outcomes), BAND_COUNT))
    totals = predicted.bands.sum(axis=1, dtype=np.float64)
    wrong = np.flatnonzero(~(np.abs(totals - 1) < 1e-3) | (predicted.bands.min(axis=1) < 0))
    if len(wrong):
        raise ValueError(
            f"bands of flight {wrong[0]} are {predicted.bands[wrong[0]].tolist()}; "
            "expected probabilities that add up to 1: normalise them first"
        )
    unknown = np.flatnonzero(~np.isfinite(predicted.quantiles).all(axis=1))
    if len(unknown):
        raise ValueError(
            f"quantiles of flight {unknown[0]} are {predicted.quantiles[unknown[0]].tolist()}; "
            "expected minutes: predict every flight that is scored"
        )


def _expect_shape(name: str, array: NDArray[np.generic], expected: tuple[int, ...]) -> None:
    if array.shape != expected:
        raise ValueError(f"{name} has shape {array.shape}, expected {expected}: give one row for each flight")
