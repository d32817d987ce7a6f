"""The flights of one part with what lies around them, as the dataset that a training would make of the whole table."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from puntual.evaluation.splits import Rows
from puntual.features import history, live
from puntual.features.history import WINDOWS, History
from puntual.features.live import Lines, Traffic
from puntual.features.rotation import Legs
from puntual.features.route import Vocabulary
from puntual.flights.arrays import Columns
from puntual.flights.flight import LateRule
from puntual.flights.schema import has_operation
from puntual.scale import tails
from puntual.scale.network import DAYS_NAME, WEATHER_NAME, counts_elsewhere, network_lines
from puntual.scale.runs import flights_name
from puntual.scale.work_folder import WorkFolder
from puntual.training.dataset import Dataset, TrainingVectors
from puntual.training.live_vectors import LiveFlights

# The longest window, a departure a week behind its schedule, and the flight itself.
DAYS_BEFORE = max(WINDOWS) + 10


@dataclass(frozen=True)
class Surroundings:
    """What a part knows of other parts: the network's daily counts and lines, and its flights' previous legs."""

    days: pl.DataFrame
    network: Lines | None = None
    legs: Legs | None = None


@dataclass(frozen=True)
class PartDataset(Dataset):
    """The flights of a part, the days before them, and what surrounds them."""

    around: Surroundings = field(kw_only=True)

    @cached_property
    def history(self) -> History:
        """The history of the part's airport, within that of the network."""
        elsewhere = counts_elsewhere(self.around.days, self.operations)
        operated = np.flatnonzero(has_operation(self.flights).to_numpy())
        named = self.keys.take(operated) if self.keys.unknown is None else None
        return history.build_history(self.operations, named, elsewhere)

    @cached_property
    def live(self) -> LiveFlights:
        """What was known of the flights as their days unfolded."""
        return PartLive(self.keys, self.flights, self.rule, self.weather, around=self.around)


@dataclass(frozen=True)
class PartLive(LiveFlights):
    """The operations of a part's flights as they became known, within those of the network."""

    around: Surroundings = field(kw_only=True)

    @cached_property
    def traffic(self) -> Traffic:
        """What the airport and the network looked like at any minute."""
        return live.traffic_of(self.keys, self.operations, self.around.network)

    def without(self, *hidden: str) -> "PartLive":
        """Hide `tails` or `weather`."""
        rest = replace(self, flights=super().without(*hidden).flights)
        around = replace(self.around, legs=None) if "tails" in hidden else self.around
        return replace(rest, observed=None if "weather" in hidden else self.observed, around=around)

    def legs(self, rows: Rows) -> Legs:
        """Give the previous legs of some flights, wherever those left from."""
        if self.around.legs is None:
            return super().legs(rows)
        return self.around.legs.take(rows)


@dataclass(frozen=True)
class PartVectors(TrainingVectors):
    """The vectors of a part's flights, by what was learnt from all parts."""

    learnt_codes: Vocabulary = field(kw_only=True)
    learnt_turns: Columns = field(kw_only=True)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The codes of airlines and airports."""
        return self.learnt_codes

    @cached_property
    def turns(self) -> Columns:
        """The usual turn-rounds of aircraft."""
        return self.learnt_turns


class MonthsOfRun(msgspec.Struct, frozen=True):
    """The months in which the flights of a run are, in order."""

    name: str
    months: tuple[str, ...]


class PartPlace(msgspec.Struct, frozen=True):
    """The run that one task is about, and all runs of its airport, of which some lie around it."""

    name: str
    origin: str
    months: tuple[str, ...]
    known: tuple[MonthsOfRun, ...]
    has_weather: bool


def read_dataset(
    folder: WorkFolder, place: PartPlace, rule: LateRule, *, live: bool
) -> tuple[PartDataset, NDArray[np.intp]]:
    """Read the flights of a run with those around them, in the order of the whole table; and which are its own."""
    flights = _read_around(folder, place, after=live)
    rows = flights.select("row")
    around = Surroundings(folder.read(DAYS_NAME))
    weather = None
    if live:
        linked = folder.read_all(folder.names(f"legs/{place.name}"))
        months = {moved(month, by) for month in place.months for by in (-1, 0, 1)}
        network = network_lines(folder, tuple(sorted(months)))
        around = Surroundings(around.days, network, tails.legs_from(linked, rows))
        if place.has_weather:
            weather = folder.read(WEATHER_NAME).filter(pl.col("airport") == place.origin)
    dataset = PartDataset(flights.drop("row"), rule, weather=weather, around=around)
    return dataset, np.flatnonzero(rows["row"].is_not_null().to_numpy())


def _read_around(folder: WorkFolder, place: PartPlace, *, after: bool) -> pl.DataFrame:
    """Read a run's flights with its airport's in the days before, and `after` it in the next month.

    `row` says which flight of the run each is, null for the others.
    """
    begin = datetime.strptime(place.months[0], "%Y-%m") - timedelta(days=DAYS_BEFORE)
    end = datetime.strptime(moved(place.months[-1], 2 if after else 1), "%Y-%m")
    first, last = f"{begin:%Y-%m}", f"{end:%Y-%m}"
    around = [run.name for run in place.known if run.months[-1] >= first and run.months[0] < last]
    rows = {place.name: pl.int_range(pl.len())}
    tables = [
        table.with_columns(row=rows.get(name, pl.lit(None, pl.Int64)))
        for name, table in zip(around, folder.read_each([*map(flights_name, around)]), strict=True)
    ]
    return pl.concat(tables).filter(pl.col("scheduled_departure").is_between(begin, end, closed="left"))


def moved(month: str, by: int) -> str:
    """Go some months on from a month, or back.

    >>> moved("2017-01", -3), moved("2017-12", 1)
    ('2016-10', '2018-01')
    """
    year, number = divmod(int(month[:4]) * 12 + int(month[5:]) - 1 + by, 12)
    return f"{year:04}-{number + 1:02}"
