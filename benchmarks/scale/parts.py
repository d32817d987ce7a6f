"""The parts of the bench: what each runs, at one size or at all, and the figures that it is to reach."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import Promise
from benchmarks.scale.bench import Bench
from benchmarks.scale.limited import limited
from benchmarks.scale.options import Scale
from benchmarks.scale.results import Results
from benchmarks.scale.rivals import pandas, spark
from benchmarks.scale.runs import Cost, FailedError, run

_GB = 1e9
_MILLION = 1_000_000


def scale(wanted: Scale) -> Iterator[str]:
    """Measure what is wanted and not yet known; give a line for each figure, and for what is about to take a while."""
    if not wanted.year.is_file():
        yield f"skipped scale: {wanted.year.name} is not in data; TEST_DATA=FOLDER names another folder"
        return
    unknown = set(wanted.parts) - {*SIZED, *SINGLE}
    if unknown:
        raise SystemExit(
            f"{', '.join(sorted(unknown))}: no such part; there are {', '.join((*SIZED, *SINGLE))}"
        )
    bench = Bench(wanted, Results(wanted.results))
    for name, part in SIZED.items():
        # A training with everything is measured at the smallest size alone, unless it is asked for.
        sizes = wanted.sizes if name != "train_whole" or name in wanted.parts else [min(wanted.sizes)]
        if not wanted.parts or name in wanted.parts:
            for rows, airports in sizes:
                yield from _sized(bench, name, part, rows, airports)
            yield from _exponent(bench, name)
    for name, single in SINGLE.items():
        if not wanted.parts or name in wanted.parts:
            yield f"       {name} …"
            yield from _guarded(bench, name, single)


def _sized(bench: Bench, name: str, part: "Part", rows: int, airports: int) -> Iterator[str]:
    size = f"{rows}x{airports}"
    cost = None if bench.wanted.again else bench.results.cost(name, size)
    if cost is None:
        yield f"       {name} {rows:,} flights, {airports} airports …"
        try:
            cost = part.measure(bench, rows, airports)
        except FailedError as failure:
            yield f"MISSED  {name} {rows:,} flights, {airports} airports: {failure}"
            return
        bench.results.note(name, size, cost)
    yield (
        f"       {name} {cost.rows:,} flights, {airports} airports: {cost.seconds:.1f} s "
        f"({cost.processor_seconds:.1f} s of processors, {cost.rows / cost.seconds:,.0f} flights/s), "
        f"peak {cost.peak_bytes / _GB:.2f} GB"
    )
    yield from part.promises(cost)


def _exponent(bench: Bench, name: str) -> Iterator[str]:
    value = bench.results.exponents().get(name)
    if value is not None:
        yield Promise(f"{name}, exponent of time over rows", 1.05, at_least=False).line([value])


def _guarded(bench: Bench, name: str, single: Callable[[Bench], Iterator[str]]) -> Iterator[str]:
    """Let one part fail without the others."""
    try:
        yield from single(bench)
    except FailedError as failure:
        bench.results.note_figures(
            skipped={**(bench.results.figure("skipped") or {}), name: str(failure)[:300]}
        )
        yield f"MISSED  {name}: {failure}"


@dataclass(frozen=True)
class Part:
    """One kind of work that is measured at every size, and the figures to reach; None where there is none."""

    measure: Callable[[Bench, int, int], Cost]
    flights_a_second: float | None = None
    seconds_a_million: float | None = None
    most_bytes: float | None = None

    def promises(self, cost: Cost) -> Iterator[str]:
        """Hold what was measured against the figures to reach."""
        if self.flights_a_second is not None:
            speed = Promise("flights a second", self.flights_a_second, at_least=True)
            yield speed.line([cost.rows / cost.seconds])
        if self.seconds_a_million is not None and cost.rows <= _MILLION:
            yield Promise("seconds for a million", self.seconds_a_million, at_least=False).line(
                [cost.seconds]
            )
        if self.most_bytes is not None:
            peak = Promise("anonymous memory at its peak", self.most_bytes / _GB, at_least=False, unit="GB")
            yield peak.line([cost.peak_bytes / _GB])


def _featurise(bench: Bench, rows: int, airports: int) -> Cost:
    return run("featurise", bench.table(rows, airports))


def _train(bench: Bench, rows: int, airports: int) -> Cost:
    return run("train", bench.table(rows, airports), f"registry={bench.registry(rows, airports)}")


def _train_whole(bench: Bench, rows: int, airports: int) -> Cost:
    return run("train", bench.table(rows, airports), "backtest", "live")


def _score(bench: Bench, rows: int, airports: int) -> Cost:
    return run("score", bench.requests(rows, airports), str(_trained(bench, rows, airports)))


def _evaluate(bench: Bench, rows: int, airports: int) -> Cost:
    return run("evaluate", bench.table(rows, airports), str(_trained(bench, rows, airports)))


def _trained(bench: Bench, rows: int, airports: int) -> Path:
    registry = bench.registry(rows, airports)
    if not any(registry.glob("*.puntual")):
        bench.results.note("train", f"{rows}x{airports}", _train(bench, rows, airports))
    return registry


def two_workers(bench: Bench) -> Iterator[str]:
    """Write the vectors of the largest table by one worker and by two, each of one thread."""
    rows, airports = max(bench.wanted.sizes)
    size, costs = f"{rows}x{airports}", []
    for workers in (1, 2):
        name = f"spread_{workers}"
        cost = None if bench.wanted.again else bench.results.cost(name, size)
        if cost is None:
            cost = run("spread", bench.table(rows, airports), f"local[{workers}]")
            bench.results.note(name, size, cost)
            yield f"       {workers} of two workers: {cost.seconds:.1f} s"
        costs.append(cost)
    one, two = costs
    bench.results.note_figures(speedup_two_workers=one.seconds / two.seconds, speedup_rows=one.rows)
    yield Promise(f"two workers against one, {rows:,} flights", 1.6, at_least=True).line(
        [one.seconds / two.seconds], f"; {one.seconds:.1f} s and {two.seconds:.1f} s"
    )


SIZED = {
    "featurise": Part(_featurise, flights_a_second=250_000),
    "train": Part(_train, seconds_a_million=90, most_bytes=3e9),
    "train_whole": Part(_train_whole, seconds_a_million=300),
    "score": Part(_score, flights_a_second=250_000, most_bytes=1e9),
    "evaluate": Part(_evaluate, most_bytes=1e9),
}
SINGLE: dict[str, Callable[[Bench], Iterator[str]]] = {
    "pandas": pandas,
    "spark": spark,
    "capped": limited,
    "spread": two_workers,
}
