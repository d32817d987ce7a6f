"""What candidates are compared on: flights that can be learnt from, their split, the cost of labels and a seed."""

import sys
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from puntual.errors import NotEnoughFlightsError
from puntual.evaluation import Rule, parse_cost
from puntual.evaluation.splits import Rows, Split, SplitKind, sample_rows, split_by_time, split_stratified
from puntual.features.history import WINDOWS
from puntual.features.live_vector import ALL_COLUMNS
from puntual.features.states import STATES, State
from puntual.features.vector import COLUMNS, columns_made_of
from puntual.flights.flight import BAND_COUNT, Target
from puntual.flights.schema import has_operation, target_of
from puntual.prediction.calibration import DelayShape, learn_shape
from puntual.registry.card_record import Omission
from puntual.sources import FlightTable, toward
from puntual.sources.validation import describe
from puntual.storage.whole_memory import whole_memory
from puntual.training.dataset import Dataset, TrainingVectors, columns_without

_FEWEST_OF_A_BAND = 20
_YEAR_OF_DAYS = 360
# Of fewer some band may have no flight.
FEWEST_ROWS = 1_000
# What fitting takes for each row beside what the libraries hold, at its hungriest: a forest's or a network's copies.
_BYTES_A_ROW, _SHARE_OF_MEMORY, _LEAST_ROWS = 2_000, 0.5, 125_000
_UNKNOWN = {
    Target.DEPARTURE: "no departure and no cancellation recorded",
    Target.ARRIVAL: "no arrival, diversion or cancellation recorded",
}
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
LEVEL_COLUMNS = np.array([COLUMNS.index(name) for name in LEVEL], np.intp)


@dataclass(frozen=True, slots=True)
class Options:
    """How to train: which flights, split and candidates, for how long to search, and at what cost to label.

    `start` and `until` (exclusive) bound the scheduled departures. `candidates` such as `lightgbm,logistic:none`
    take the place of the preset's; `cost` is the rule of the threshold: `balanced`, `f1`,
    `precision=0.4`, `capacity=10%` or such as `miss=5,false_alarm=1`. Without `backtest`, rolling
    scores, the other split and the ablation are left out; without `live`, what is known as the day unfolds.
    `command` is the one that was run, for card and report; `target` is the delay to learn, `departure` or `arrival`.
    Of a table with more, `rows` are fitted, drawn by airport and month; None stands for as many as half of the
    machine's memory allows.
    """

    preset: str = "standard"
    candidates: str | None = None
    split: str = "time"
    start: datetime | None = None
    until: datetime | None = None
    tune_minutes: float = 0.0
    cost: str = "balanced"
    seed: int = 0
    backtest: bool = True
    live: bool = True
    command: str = ""
    target: str = Target.DEPARTURE.value
    rows: int | None = None


QUICK = "quick"


@dataclass(frozen=True)
class Experiment:
    """What candidates are compared on: flights, their split, the cost that sets thresholds, and the seed.

    `years` is how many times the flights before the test went round the year. Columns that name the day are left out
    until they went round twice. Split by time, columns of the year's cycle are left out until they went round once, and
    the airport's own level is applied as an offset rather than learnt, because trees cannot follow it beyond what they
    saw.
    """

    dataset: Dataset
    split: Split
    cost: Rule
    years: int
    seed: int
    # Live experts of a quick training learn from fewer flights.
    quick: bool = False
    # So many rows are fitted at most.
    most_rows: int = sys.maxsize

    @property
    def by_time(self) -> bool:
        """Whether the split has a cut-off, before which everything is learnt."""
        return self.split.kind is SplitKind.TIME

    def columns_of(self, state: State) -> NDArray[np.intp]:
        """Give the columns that the expert of one state of knowledge may learn from under this split."""
        naming_the_day = NAMING_THE_DAY if self.years < 2 else ()
        yearly = YEARLY if self.by_time and self.years < 1 else ()
        # What nothing is known of in any flight there is nothing to learn from.
        unknown = tuple(
            COLUMNS[place] for field in self.dataset.keys.absent() for place in columns_made_of(field)
        )
        excluded = (LEVEL if self.by_time else ()) + naming_the_day + yearly + unknown
        return columns_without(excluded, state.known)

    def live_columns(self, *, learns_level: bool) -> NDArray[np.intp]:
        """Give the columns that a live expert may learn from: those of the day before, and all that is live.

        One that `learns_level` sees the airport's level, also where the day before takes it as an offset.
        """
        level = LEVEL_COLUMNS if learns_level else np.empty(0, np.intp)
        live = np.arange(len(COLUMNS), len(ALL_COLUMNS), dtype=np.intp)
        return np.concatenate([np.union1d(self.columns_of(STATES[0]), level), live])

    def vectors(self, rows: Rows) -> TrainingVectors:
        """Give the flights' vectors, by what is learnt from the flights of a fold before its cut-off.

        A split at random has no cut-off, and a part of each day is no typical one: there it is learnt from all.
        """
        return self.dataset.learn(rows if self.by_time else np.arange(len(self.dataset.flights)))

    def seen(self, rows: Rows) -> Rows:
        """Give those of some rows that fitting sees: all, or a sample by airport and month where they are too many.

        Raise NotEnoughFlightsError for a sample without a flight in some band.
        """
        seen = sample_rows(rows, self.dataset.strata, self.most_rows, self.seed)
        if len(seen) < len(rows) and not np.bincount(self.dataset.bands[seen], minlength=BAND_COUNT).all():
            raise NotEnoughFlightsError(
                f"of {len(rows):,} flights --rows {self.most_rows:,} leaves a delay band without any; expected some in "
                "each band; give more --rows"
            )
        return seen

    def shape(self) -> DelayShape:
        """Learn how delays lie within the bands from the flights before the test."""
        rows = self.split.before_test
        return learn_shape(self.dataset.delay[rows], self.dataset.bands[rows])


def experiments(dataset: Dataset, options: Options) -> tuple[Experiment, Experiment]:
    """Set up what candidates are compared on: the split by time, and the stratified one."""
    by_time = split_by_time(dataset.flights["scheduled_departure"])
    stratified = split_stratified(dataset.bands, options.seed)
    cost, quick = parse_cost(options.cost), options.preset == QUICK
    most_rows = rows_within(whole_memory()) if options.rows is None else options.rows
    days = dataset.keys.day[by_time.before_test]
    years = int(days[-1] - days[0]) // _YEAR_OF_DAYS
    return (
        Experiment(dataset, by_time, cost, years, options.seed, quick, most_rows),
        Experiment(dataset, stratified, cost, years, options.seed, quick, most_rows),
    )


def rows_within(whole: int) -> int:
    """Give how many rows can be fitted in half of a memory of so many bytes, doubled as often as they fit.

    So they are the same on machines of about one size, whatever else runs there for the moment.

    >>> rows_within(16 * 2**30), rows_within(10**9), rows_within(0)
    (4000000, 250000, 125000)
    """
    rows = _LEAST_ROWS
    while 2 * rows * _BYTES_A_ROW <= whole * _SHARE_OF_MEMORY:
        rows *= 2
    return rows


def learnable(table: FlightTable, options: Options) -> tuple[Dataset, tuple[Omission, ...]]:
    """Keep the operated flights of the period, and count the others by reason; raise NotEnoughFlightsError for few."""
    dataset, omitted = operated_in(table, options)
    require_bands(dataset)
    return dataset, omitted


def operated_in(table: FlightTable, options: Options) -> tuple[Dataset, tuple[Omission, ...]]:
    """Keep the operated flights of the period, and count the others by reason."""
    omitted = [
        Omission(reason=gone.reason, count=gone.count, example=gone.example) for gone in table.left_out
    ]
    flights, outside = choose_operated(toward(table, Target(options.target)), options)
    for reason, gone in outside:
        omitted += _omission(reason, gone)
    return Dataset(flights, table.late_rule, options.seed, table.weather), tuple(omitted)


def choose_operated(
    flights: pl.DataFrame, options: Options
) -> tuple[pl.DataFrame, list[tuple[str, pl.DataFrame]]]:
    """Keep the operated flights of the period, and give the others by reason."""
    scheduled = pl.col("scheduled_departure")
    bounds = (
        ("before --from", scheduled < options.start if options.start else pl.lit(False)),
        ("at --until or later", scheduled >= options.until if options.until else pl.lit(False)),
    )
    gone = []
    for reason, outside in bounds:
        flights, left = flights.filter(~outside), flights.filter(outside)
        gone.append((reason, left))
    operated = has_operation(flights)
    gone.append((_UNKNOWN[Target(options.target)], flights.filter(~operated)))
    return flights.filter(operated), gone


def _omission(reason: str, gone: pl.DataFrame) -> list[Omission]:
    if gone.is_empty():
        return []
    return [Omission(reason=reason, count=gone.height, example=describe(gone.row(0, named=True)))]


def require_bands(dataset: Dataset) -> None:
    """Refuse a dataset with too few flights in some band."""
    bands = target_of(dataset.flights).bands
    counts = np.bincount(dataset.bands, minlength=len(bands))
    for band, count in zip(bands, counts, strict=True):
        if count < _FEWEST_OF_A_BAND:
            raise NotEnoughFlightsError(
                f"the delay band {band!r} holds {count} of {len(dataset.bands)} operated flights; expected at least "
                f"{_FEWEST_OF_A_BAND} in each band to learn from; give a longer period or a larger table"
            )
