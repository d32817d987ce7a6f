"""What size costs: tables of real flights, moved over years and airports, read, featurised, trained with and scored.

`python -m benchmarks scale [--sizes=1000000x30,4000000x100] [--cap=1500000000]` writes `scale.json`; a size is rows
and airports. Scores on such tables mean nothing, and are not looked at.
"""

import json
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.report import Promise
from benchmarks.scale import rivals
from benchmarks.scale.runs import Cost, FailedError, memory_group, run
from benchmarks.scale.tables import write_table

SIZES = ((1_000_000, 3), (4_000_000, 30), (16_000_000, 300))
# Of rows that the rivals take too, and a limit of memory that their vectors do not fit in.
RIVAL_ROWS, CAP_BYTES = 300_000, 1_500_000_000
RESULTS = Path(__file__).resolve().parents[1] / "scale.json"
_GB = 1e9
_YEAR = Path(os.environ.get("TEST_DATA") or "data") / "nyc2017_flights.parquet"


@dataclass(frozen=True)
class Scale:
    """The sizes to measure, as rows and airports; the rows of the comparisons, and the limit of memory in bytes."""

    sizes: Sequence[tuple[int, int]] = SIZES
    rival_rows: int = RIVAL_ROWS
    cap_bytes: int = CAP_BYTES
    results: Path = RESULTS
    costs: dict[str, list[Cost]] = field(default_factory=dict)


def options_of(words: Sequence[str]) -> Scale:
    """Read `--sizes=300000x3,1000000x30`, `--rival-rows=N`, `--cap=BYTES` and `--results=FILE`."""
    given = dict(word.removeprefix("--").split("=", 1) for word in words)
    sizes = given.get("sizes")
    return Scale(
        tuple((int(rows), int(airports)) for rows, airports in (one.split("x") for one in sizes.split(",")))
        if sizes
        else SIZES,
        int(given.get("rival-rows", RIVAL_ROWS)),
        int(given.get("cap", CAP_BYTES)),
        Path(given.get("results", RESULTS)),
    )


def scale(folder: Path, wanted: Scale) -> Iterator[str]:
    """Measure the cost of each size, the rivals, and a training under a limit of memory; write it all down."""
    if not _YEAR.is_file():
        yield f"skipped scale: {_YEAR.name} is not in data; TEST_DATA=FOLDER names another folder"
        return
    flights = pl.read_parquet(_YEAR).sort("year", "month", "day", "sched_dep_time", maintain_order=True)
    folder.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {
        "sizes": [{"rows": rows, "airports": airports} for rows, airports in wanted.sizes]
    }
    for rows, airports in wanted.sizes:
        yield from _measure(folder, flights, rows, airports, wanted)
    results |= _summary(wanted.costs)
    yield from _exponents(results["exponent"])
    results["skipped"] = {}
    yield from _two_workers(folder, wanted, results)
    yield from rivals.compare(folder, flights, wanted.rival_rows, results)
    yield from _capped(folder, wanted, results)
    wanted.results.write_text(json.dumps(results, indent=1) + "\n")


def _measure(folder: Path, flights: pl.DataFrame, rows: int, airports: int, wanted: Scale) -> Iterator[str]:
    """Featurise, train and score one size."""
    table = write_table(flights, folder / f"{rows}x{airports}", rows, airports)
    registry = folder / f"registry-{rows}"
    requests = write_requests(table, folder / f"requests-{rows}.parquet")
    for name, place, words in (
        ("featurise", table, ()),
        ("train", table, (f"registry={registry}",)),
        ("score", requests, (str(registry),)),
    ):
        cost = run(name, place, *words)
        wanted.costs.setdefault(name, []).append(cost)
        yield (
            f"       {name} {cost.rows:,} flights, {airports} airports: {cost.seconds:.1f} s "
            f"({cost.processor_seconds:.1f} s of processors, {cost.rows / cost.seconds:,.0f} flights/s), "
            f"peak {cost.peak_bytes / _GB:.2f} GB"
        )
    requests.unlink()


def write_requests(table: Path, requests: Path) -> Path:
    """Write the flights of a table as somebody would ask about them, in Puntual's own columns."""
    date = pl.datetime("year", "month", "day")
    clock = pl.col("sched_dep_time").cast(pl.Int64) % 2400
    pl.scan_parquet(table / "*.parquet").select(
        airline="carrier",
        flight_number=pl.col("flight").cast(pl.String),
        origin="origin",
        destination="dest",
        scheduled_departure=date + pl.duration(minutes=clock // 100 * 60 + clock % 100),
    ).sink_parquet(requests)
    return requests


def exponent(costs: Sequence[Cost]) -> float | None:
    """Give the slope of log seconds over log rows, by least squares; nothing of a single size."""
    if len({cost.rows for cost in costs}) < 2:
        return None
    x = [math.log(cost.rows) for cost in costs]
    y = [math.log(cost.processor_seconds) for cost in costs]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    above = sum((one - mean_x) * (other - mean_y) for one, other in zip(x, y, strict=True))
    return above / sum((one - mean_x) ** 2 for one in x)


def _summary(costs: dict[str, list[Cost]]) -> dict[str, Any]:
    return {
        "rows": {name: [cost.rows for cost in each] for name, each in costs.items()},
        "seconds": {name: [cost.seconds for cost in each] for name, each in costs.items()},
        "processor_seconds": {
            name: [cost.processor_seconds for cost in each] for name, each in costs.items()
        },
        "peak_bytes": {name: [cost.peak_bytes for cost in each] for name, each in costs.items()},
        "exponent": {name: exponent(each) for name, each in costs.items()},
    }


def _exponents(exponents: dict[str, float | None]) -> Iterator[str]:
    for name, value in exponents.items():
        if value is not None:
            yield Promise(f"{name}, exponent of time over rows", 1.05, at_least=False).line([value])


def _two_workers(folder: Path, wanted: Scale, results: dict[str, Any]) -> Iterator[str]:
    """Write the vectors of the largest table by one worker and by two, each of one thread."""
    rows, airports = max(wanted.sizes)
    table = folder / f"{rows}x{airports}"
    one, two = (run("spread", table, f"local[{workers}]") for workers in (1, 2))
    results["speedup_two_workers"] = one.seconds / two.seconds
    yield Promise(f"two workers against one, {rows:,} flights", 1.6, at_least=True).line(
        [results["speedup_two_workers"]], f"; {one.seconds:.1f} s and {two.seconds:.1f} s"
    )


def _capped(folder: Path, wanted: Scale, results: dict[str, Any]) -> Iterator[str]:
    """Train and score the largest table under a limit of memory that its vectors would not fit in."""
    rows, airports = max(wanted.sizes)
    table, limit = folder / f"{rows}x{airports}", wanted.cap_bytes
    registry = folder / "registry-capped"
    try:
        with memory_group(limit) as group:
            trained = run("train", table, f"registry={registry}", group=group)
            requests = write_requests(table, folder / "requests-capped.parquet")
            scored = run("score", requests, str(registry), group=group)
    except OSError as error:
        results["skipped"]["capped"] = f"no control group could be made: {error}"
        yield f"skipped a table larger than memory: {results['skipped']['capped']}"
        return
    except FailedError as failure:
        results["capped"] = {"rows": rows, "limit_bytes": limit, "failed": str(failure)[:200]}
        yield f"MISSED  a table larger than memory, {rows:,} rows in {limit / _GB:.1f} GB: {failure}"
        return
    results["capped"] = {
        "rows": rows,
        "limit_bytes": limit,
        "train_peak_bytes": trained.peak_bytes,
        "score_peak_bytes": scored.peak_bytes,
    }
    yield (
        f"holds  {rows:,} flights trained and scored in {limit / _GB:.1f} GB: anonymous memory "
        f"{trained.peak_bytes / _GB:.2f} and {scored.peak_bytes / _GB:.2f} GB"
    )
