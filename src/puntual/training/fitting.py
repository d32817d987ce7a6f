"""A candidate's whole recipe: which columns its experts read, how they are fitted and how the level comes in."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from puntual.evaluation.splits import Rows, SplitKind
from puntual.features.history import WINDOWS
from puntual.features.spec import Known
from puntual.features.vector import Matrix
from puntual.flights.flight import BAND_COUNT
from puntual.prediction.calibration import Calibration, Level, history_is_known
from puntual.training.calibration_fit import Unseen, fit_level
from puntual.training.candidates import Candidate, fit, treat
from puntual.training.dataset import Dataset, columns_without
from puntual.training.experts import Expert, Experts

YEARLY = ("month_sin", "month_cos", "high_season")
# Each is the same for all of a day's flights at an airport, and within a year hardly on another day: by it, an
# estimator would learn the weather of that day by heart.
NAMING_THE_DAY = (
    "days_to_holiday",
    "days_since_holiday",
    "airport_departures_day",
    *(f"airport_support_{window}d" for window in WINDOWS),
)
LEVEL = tuple(f"airport_{what}_{window}d" for what in ("late_rate", "delay") for window in WINDOWS)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A candidate, and what the split lets it learn.

    `years` is how many times training went round the year. Columns that name the day are left out until it went
    round twice. Split by time, columns of the year's cycle are left out until it went round once, and the airport's
    own level is applied as an offset rather than learnt, because trees cannot follow it beyond what they saw.
    """

    candidate: Candidate
    kind: SplitKind
    years: int
    seed: int = 0

    @property
    def known_columns(self) -> NDArray[np.intp]:
        """The columns of the expert for flights with history."""
        by_time = self.kind is SplitKind.TIME
        return columns_without((LEVEL if by_time else ()) + self._unlearnable, Known.HISTORY)

    @property
    def unknown_columns(self) -> NDArray[np.intp]:
        """The columns of the expert for flights without history."""
        return columns_without(self._unlearnable, Known.TIMETABLE)

    @property
    def _unlearnable(self) -> tuple[str, ...]:
        by_part_of_a_year = self.kind is SplitKind.TIME and self.years < 1
        return (NAMING_THE_DAY if self.years < 2 else ()) + (YEARLY if by_part_of_a_year else ())


@dataclass(frozen=True, slots=True)
class Teaching:
    """What experts are taught on: vectors with history and without, and the bands of each."""

    known: Matrix
    known_bands: NDArray[np.int8]
    unknown: Matrix
    unknown_bands: NDArray[np.int8]
    full: Matrix
    day: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Trained:
    """Fitted experts, what undoes their treatment, the log shares of the bands and the level to be applied."""

    experts: Experts
    shift: tuple[float, ...]
    center: tuple[float, ...]
    level: Level

    def unseen(self, matrix: Matrix, bands: NDArray[np.int8]) -> Unseen:
        """Ask about flights that the experts have not seen."""
        return Unseen(
            self.experts.predict_proba(matrix), matrix, bands, self.level.of(matrix), self.shift, self.center
        )

    def calibrated(self, calibration: Calibration, matrix: Matrix) -> NDArray[np.float64]:
        """Give the calibrated probabilities of the bands, shape (n, 5)."""
        own = Calibration(calibration.known, calibration.unknown, self.level)
        return own.apply(self.experts.predict_proba(matrix), matrix)


def teach(dataset: Dataset, rows: Rows) -> Teaching:
    """Prepare what experts are taught on from some flights."""
    known, bands = dataset.taught(rows), dataset.bands[rows]
    has = history_is_known(known)
    unknown = dataset.taught_without_history(rows)
    return Teaching(known[has], bands[has], unknown, bands, dataset.full[rows], dataset.keys.day[rows])


def train_recipe(recipe: Recipe, teaching: Teaching) -> Trained:
    """Fit both experts and the level."""
    known = _expert(recipe, teaching.known, recipe.known_columns, teaching.known_bands)
    unknown = _expert(recipe, teaching.unknown, recipe.unknown_columns, teaching.unknown_bands)
    shift = treat(recipe.candidate.treatment, teaching.unknown_bands, recipe.seed).shift
    shares = np.bincount(teaching.unknown_bands, minlength=BAND_COUNT) / len(teaching.unknown_bands)
    center = tuple(np.log(np.maximum(shares, 1e-6)).tolist())
    by_time = recipe.kind is SplitKind.TIME
    level = fit_level(teaching.full, teaching.unknown_bands > 0, teaching.day) if by_time else Level()
    return Trained(Experts(known, unknown), shift, center, level)


def validation_of(dataset: Dataset, rows: Rows) -> tuple[Matrix, NDArray[np.int8]]:
    """Give unseen flights twice, with their history and without, so that both scalings can be fitted."""
    matrix = np.concatenate([dataset.full[rows], dataset.taught_without_history(rows)])
    return matrix, np.tile(dataset.bands[rows], 2)


def _expert(recipe: Recipe, matrix: Matrix, columns: NDArray[np.intp], bands: NDArray[np.int8]) -> Expert:
    return Expert(fit(recipe.candidate, matrix, columns, bands, recipe.seed), columns)
