"""Runs of months of one origin airport, each the work of one task, and the flights that can be learnt from in them."""

from collections import Counter
from collections.abc import Iterable
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
from puntual.scale.source_files import (
    FLIGHTS_OF_A_RUN,
    FlightPiece,
    Gone,
    counted_months,
    of_months,
    packed,
)
from puntual.scale.tails import write_legs, write_points
from puntual.scale.work_folder import WorkFolder
from puntual.sources.arrivals import with_arrival_delay
from puntual.sources.observed import operations_of_table
from puntual.sources.validation import KEY, Duplicates, describe, repeated
from puntual.training.experiment import Options, choose_operated


class Run(msgspec.Struct, frozen=True):
    """Months of one origin, one after another, and the pieces of files that hold their flights among others."""

    origin: str
    months: tuple[str, ...]
    pieces: tuple[str, ...]

    @property
    def name(self) -> str:
        """What the run is called among all runs."""
        return f"{self.origin}-{self.months[0]}"


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


def runs_of(pieces: Iterable[FlightPiece], flights: int = FLIGHTS_OF_A_RUN) -> list[Run]:
    """Put the pieces of files together in runs of an origin's months that hold about so many flights."""
    runs = []
    in_order = sorted(pieces, key=attrgetter("origin", "name"))
    for origin, own in groupby(in_order, attrgetter("origin")):
        of_origin, counts = list(own), Counter[str]()
        for piece in of_origin:
            counts.update(dict(piece.months))
        for group in packed(sorted(counts.items()), flights):
            months = tuple(month for month, _ in group)
            holding = (piece.name for piece in of_origin if {month for month, _ in piece.months} & {*months})
            runs.append(Run(origin, months, tuple(holding)))
    return runs


def flights_name(run: str) -> str:
    """Name the table of a run's operated flights."""
    return f"flights/{run}.parquet"


def read_run(folder: WorkFolder, run: Run, chosen: Chosen) -> RunRead:
    """Choose the operated flights of a run, write them, and sum up what the network is made of."""
    flights, gone = _operated(one_table(folder, run, chosen.duplicates), chosen)
    if flights.is_empty():
        return RunRead(run.name, run.origin, (), tuple(gone), {}, ())
    folder.write(flights_name(run.name), flights)
    if chosen.tail_buckets:
        operations = operations_of_table(flights, chosen.late_rule)
        write_points(folder, run.name, flights, operations)
        write_legs(folder, run.name, flights, operations, chosen.tail_buckets)
    keys = keys_of(flights)
    values = {kind: _counted(keys.known_of(kind)) for kind in CODED}
    months = tuple(counted_months(flights))
    days = daily_counts(flights, chosen.late_rule).rows()
    return RunRead(run.name, run.origin, months, tuple(gone), values, tuple(days))


def one_table(folder: WorkFolder, run: Run, duplicates: Duplicates) -> pl.DataFrame:
    """Put the flights of several files in one order, as they would be had all stood in one."""
    flights = pl.concat(folder.read_each(run.pieces, lambda piece: of_months(piece, run.months)))
    if len(run.pieces) == 1:
        return flights
    flights = flights.sort(*KEY, maintain_order=True)
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
