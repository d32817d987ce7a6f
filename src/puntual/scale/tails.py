"""The shuffle by aircraft: legs are written apart by tail, linked to the legs before them, and given back by run."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import polars as pl
from polars import selectors

from puntual.features.flight_keys import category_of
from puntual.features.from_frame import keys_of
from puntual.features.rotation import Legs, previous_of, turn_ids, turns_flown, usual_turns
from puntual.flights.arrays import Columns
from puntual.flights.operations import Operations
from puntual.scale.network import points_name, points_table
from puntual.scale.source_files import MONTH
from puntual.scale.work_folder import WorkFolder
from puntual.sources.validation import KEY

_FIELDS = tuple(field.name for field in fields(Operations) if field.name != "tail")
_PLACE = ("run", "row")
_TURN = ("turn", "cycle", "ground")


def write_points(folder: WorkFolder, run: str, flights: pl.DataFrame, operations: Operations) -> None:
    """Write what the flights of a run put on the network's lines, with the months of the flights."""
    places = flights.select(MONTH, place=pl.int_range(pl.len()))
    tables = [
        points_table(operations.take(part["place"].to_numpy())).with_columns(month=pl.lit(month))
        for (month,), part in places.partition_by("month", as_dict=True, maintain_order=True).items()
    ]
    folder.write(points_name(run), pl.concat(tables))


def write_legs(
    folder: WorkFolder, run: str, flights: pl.DataFrame, operations: Operations, buckets: int
) -> None:
    """Write the flights of a run whose aircraft is known, those of an aircraft always into the same bucket."""
    known = np.flatnonzero(flights["tail"].is_not_null().to_numpy())
    if not len(known):
        return
    flights, operations = flights.with_columns(row=pl.int_range(pl.len()))[known], operations.take(known)
    bucket = category_of(flights["tail"].to_list()).ids % np.uint64(buckets)
    legs = flights.select(*KEY, "tail", "row", run=pl.lit(run), bucket=pl.Series(bucket)).with_columns(
        **{name: pl.Series(getattr(operations, name)) for name in _FIELDS}
    )
    parts = legs.partition_by("bucket", as_dict=True, maintain_order=True)
    folder.write_each(
        {f"tails/{number}/{run}.parquet": part.drop("bucket") for (number,), part in parts.items()}
    )


def link_tails(folder: WorkFolder, bucket: int, names: Sequence[str]) -> int:
    """Find the two legs before each leg of a bucket's aircraft, and write them by run; give their number.

    The turn-rounds that were flown are written by the airport that they end at.
    """
    # Of legs of one minute the last in the order of the table counts.
    legs = pl.concat(folder.read_each(names)).sort(*KEY, "row", maintain_order=True)
    keys, operations = keys_of(legs), _operations(legs)
    previous = previous_of(operations)
    flown = turns_flown(keys, operations, previous)
    origins = pl.DataFrame({name: flown[name] for name in _TURN}).with_columns(
        origin=legs["origin"][flown["then"]]
    )
    _write_parts(folder, origins, "origin", "turns", bucket)
    then = np.flatnonzero(previous >= 0)
    first = previous[then]
    second = previous[first]
    linked = (
        legs[then]
        .select(_PLACE)
        .with_columns(
            turn=pl.Series(turn_ids(keys, first, then)),
            has_second=pl.Series(second >= 0),
            **_columns("first", operations.take(first)),
            **_columns("second", operations.take(second)),
        )
    )
    _write_parts(folder, linked, "run", "legs", bucket)
    return linked.height


def learn_usual(folder: WorkFolder, origin: str, names: Sequence[str]) -> int:
    """Take the usual one of the turn-rounds that end at an airport, and write them; give their number."""
    flown = pl.concat(folder.read_each(names))
    usual = usual_turns({name: flown[name].to_numpy() for name in _TURN})
    folder.write(usual_name(origin), pl.DataFrame(usual))
    return len(usual["turn"])


def usual_name(origin: str) -> str:
    """Name the table of the usual turn-rounds that end at an airport."""
    return f"usual/{origin}.parquet"


def usual_from(table: pl.DataFrame | None) -> Columns:
    """Give the usual turn-rounds as they are looked up; none where there is no table."""
    if table is None:
        return usual_turns({name: np.empty(0, np.uint64 if name == "turn" else float) for name in _TURN})
    return {name: table[name].to_numpy() for name in _TURN}


def legs_from(linked: pl.DataFrame | None, places: pl.DataFrame) -> Legs:
    """Give the previous legs of flights by their `row` in the run, in order; none for those that are not linked."""
    if linked is None:
        nothing = np.zeros(places.height, np.int64)
        none = _operations_from("first", pl.DataFrame({f"first_{name}": nothing for name in _FIELDS}))
        return Legs(nothing > 0, none, nothing > 0, none, nothing.astype(np.uint64))
    legs = places.join(linked, on="row", how="left", maintain_order="left")
    is_there = legs["turn"].is_not_null().to_numpy()
    legs = legs.with_columns(pl.col(pl.Boolean).fill_null(False), selectors.numeric().fill_null(0))
    return Legs(
        is_there,
        _operations_from("first", legs),
        legs["has_second"].to_numpy(),
        _operations_from("second", legs),
        legs["turn"].to_numpy(),
    )


def _operations(legs: pl.DataFrame) -> Operations:
    tail = category_of(legs["tail"].to_list()).positions.astype(np.int64)
    return Operations(**{name: legs[name].to_numpy() for name in _FIELDS}, tail=tail)


def _operations_from(leg: str, legs: pl.DataFrame) -> Operations:
    columns = {name: legs[f"{leg}_{name}"].to_numpy() for name in _FIELDS}
    return Operations(**columns, tail=np.zeros(legs.height, np.int64))


def _columns(leg: str, operations: Operations) -> dict[str, pl.Series]:
    return {f"{leg}_{name}": pl.Series(getattr(operations, name)) for name in _FIELDS}


def _write_parts(folder: WorkFolder, rows: pl.DataFrame, by: str, under: str, bucket: int) -> None:
    parts = rows.partition_by(by, as_dict=True, maintain_order=True)
    folder.write_each({f"{under}/{value}/{bucket}.parquet": part for (value,), part in parts.items()})
