"""Runs of months of one origin airport, each the work of one task, and the flights that can be learnt from in them."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter

import msgspec
import numpy as np
import polars as pl

from puntual.errors import DuplicateFlightError
from puntual.features.flight_keys import Category
from puntual.features.from_frame import keys_of
from puntual.features.route import CODED
from puntual.flights.flight import LateRule, Target
from puntual.scale.network import daily_counts
from puntual.scale.source_files import Gone, Piece
from puntual.scale.tails import write_legs, write_points
from puntual.scale.work_folder import WorkFolder
from puntual.sources.arrivals import with_arrival_delay
from puntual.sources.validation import KEY, Duplicates, describe, repeated
from puntual.training.experiment import Options, choose_operated

# So many flights are enough that reading the days before them weighs little.
FLIGHTS_OF_A_RUN = 100_000


class Run(msgspec.Struct, frozen=True):
    """Months of one origin, one after another, with the pieces of files that their flights stand in."""

    origin: str
    pieces: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def name(self) -> str:
        """What the run is called among all runs."""
        return f"{self.origin}-{self.pieces[0][0]}"


class Chosen(msgspec.Struct, frozen=True):
    """Which flights are learnt from, and how their source is read.

    With `tail_buckets`, legs are put into so many files by their aircraft, for what is live; 0 leaves them out.
    """

    options: Options
    late_rule: LateRule
    duplicates: Duplicates
    has_arrived: bool
    tail_buckets: int


class RunRead(msgspec.Struct, frozen=True):
    """What a run holds: operated flights by month, those left out, and what the network is summed from.

    `values` counts the flights of each coded key; `days` holds rows of a day (since 1970) and `history.COUNTS`.
    """

    name: str
    origin: str
    months: tuple[tuple[str, int], ...]
    gone: tuple[Gone, ...]
    values: dict[str, dict[str, int]]
    days: tuple[tuple[int, ...], ...]


def runs_of(pieces: Iterable[Piece], flights: int = FLIGHTS_OF_A_RUN) -> list[Run]:
    """Put the pieces of files together in runs of an origin's months that hold about so many flights."""
    runs = []
    in_order = sorted(pieces, key=attrgetter("origin", "month", "name"))
    for origin, own in groupby(in_order, attrgetter("origin")):
        months: list[tuple[str, tuple[str, ...]]] = []
        count = 0
        for month, of_month in groupby(own, attrgetter("month")):
            if count >= flights:
                runs.append(Run(origin, tuple(months)))
                months, count = [], 0
            files = list(of_month)
            months.append((month, tuple(piece.name for piece in files)))
            count += sum(piece.flights for piece in files)
        runs.append(Run(origin, tuple(months)))
    return runs


def flights_name(origin: str, month: str) -> str:
    """Name the table of an origin's operated flights of a month."""
    return f"flights/{origin}/{month}.parquet"


def read_run(folder: WorkFolder, run: Run, chosen: Chosen) -> RunRead:
    """Choose the operated flights of a run, write them by month, and sum up what the network is made of."""
    months, gone, kept = [], [], []
    for month, pieces in run.pieces:
        flights, left_out = _operated(one_table(folder, pieces, chosen.duplicates), chosen)
        gone += left_out
        if flights.height:
            folder.write(flights_name(run.origin, month), flights)
            months.append((month, flights.height))
            kept.append(flights.with_columns(month=pl.lit(month), row=pl.int_range(pl.len())))
    if not kept:
        return RunRead(run.name, run.origin, (), tuple(gone), {}, ())
    flights = pl.concat(kept)
    if chosen.tail_buckets:
        write_points(folder, run.origin, flights, chosen.late_rule)
        write_legs(folder, run.name, flights, chosen.late_rule, chosen.tail_buckets)
    keys = keys_of(flights)
    values = {kind: _counted(keys.known_of(kind)) for kind in CODED}
    days = daily_counts(flights, chosen.late_rule).rows()
    return RunRead(run.name, run.origin, tuple(months), tuple(gone), values, tuple(days))


def one_table(folder: WorkFolder, pieces: Sequence[str], duplicates: Duplicates) -> pl.DataFrame:
    """Put the flights of several files in one order, as they would be had all stood in one."""
    flights = folder.read(pieces[0])
    if len(pieces) == 1:
        return flights
    flights = pl.concat([flights, *map(folder.read, pieces[1:])]).sort(*KEY, maintain_order=True)
    twice = repeated(flights)
    if not twice.any() or duplicates is Duplicates.KEEP:
        return flights
    if duplicates is Duplicates.REFUSE:
        raise DuplicateFlightError(
            f"flight {describe(flights.filter(twice).row(0, named=True))} stands in two files; expected every flight "
            'once; remove one of the two, or read them with duplicates = "first" in the map, or --bad-rows leave_out'
        )
    return flights.filter(~twice)


def _operated(flights: pl.DataFrame, chosen: Chosen) -> tuple[pl.DataFrame, list[Gone]]:
    """Keep the operated flights of the period, and count the others by reason."""
    if chosen.options.target == Target.ARRIVAL:
        flights = with_arrival_delay(flights, flights["diverted"])
    flights = flights.drop("diverted", *(() if chosen.has_arrived else ("arrived",)))
    flights, outside = choose_operated(flights, chosen.options)
    return flights, [_gone(reason, left) for reason, left in outside if left.height]


def _gone(reason: str, flights: pl.DataFrame) -> Gone:
    first = flights.row(0, named=True)
    order = tuple((first[name] is not None, str(first[name] or "")) for name in KEY)
    return Gone(reason, flights.height, describe(first), order)


def _counted(category: Category) -> dict[str, int]:
    counts = np.bincount(category.positions, minlength=len(category.values)).tolist()
    return {value: count for value, count in zip(category.values, counts, strict=True) if count}
