"""What the parts of the bench share: options, results, and tables that are written when they are first wanted."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from benchmarks.scale.options import Scale
from benchmarks.scale.results import Results
from benchmarks.scale.tables import write_requests, write_table


@dataclass(frozen=True)
class Bench:
    """What the parts share: the options, what was measured, and the tables, each written when it is first wanted."""

    wanted: Scale
    results: Results

    @cached_property
    def flights(self) -> pl.DataFrame:
        """The year of real flights that all tables are made of, in order."""
        order = ("year", "month", "day", "sched_dep_time")
        return pl.read_parquet(self.wanted.year).sort(*order, maintain_order=True)

    def table(self, rows: int, airports: int) -> Path:
        """Give the folder of the table of a size."""
        return self._made(
            f"{rows}x{airports}", lambda folder: write_table(self.flights, folder, rows, airports)
        )

    def requests(self, rows: int, airports: int) -> Path:
        """Give the flights of a table as somebody would ask about them."""
        table = self.table(rows, airports)
        return self._made(f"requests-{rows}x{airports}.parquet", lambda file: write_requests(table, file))

    def csv(self, rows: int, airports: int) -> Path:
        """Give a table as one file of CSV, which rivals read too."""
        folder = self._made(
            f"csv-{rows}x{airports}",
            lambda folder: write_table(self.flights, folder, rows, airports, form="csv", in_one=True),
        )
        return next(folder.glob("*.csv"))

    def registry(self, rows: int, airports: int) -> Path:
        """Give the folder that holds the bundle of a size's training."""
        return self.wanted.folder / f"registry-{rows}x{airports}"

    def _made(self, name: str, make: Callable[[Path], object]) -> Path:
        """Make a file or folder unless it is there; one that was begun has another name."""
        path = self.wanted.folder / name
        if not path.exists():
            self.wanted.folder.mkdir(parents=True, exist_ok=True)
            begun = path.with_name(f"begun-{path.name}")
            make(begun)
            begun.rename(path)
        return path
