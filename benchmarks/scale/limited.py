"""A table that is too large for the memory allowed, trained with and scored."""

from collections.abc import Iterator

from benchmarks.scale.bench import Bench
from benchmarks.scale.runs import memory_group, run

_GB = 1e9
# Of larger ones the columns alone, beside what a fit takes, would fill the usual limit.
_MOST_ROWS = 4_000_000


def limited(bench: Bench) -> Iterator[str]:
    """Train with and score a table in a control group whose memory its vectors do not fit in.

    Fitted is as much as memory allows, as without `--rows`. The group counts pages of mapped files too, but takes those
    back before it lets anything fail.
    """
    sizes = bench.wanted.sizes
    rows, airports = max([size for size in sizes if size[0] <= _MOST_ROWS], default=min(sizes))
    limit, size = bench.wanted.cap_bytes, f"{rows}x{airports}"
    registry = bench.wanted.folder / f"registry-limited-{size}"
    table, requests = bench.table(rows, airports), bench.requests(rows, airports)
    for name, place, words in (
        ("train", table, (f"registry={registry}",)),
        ("score", requests, (str(registry),)),
        ("evaluate", table, (str(registry),)),
    ):
        cost = None if bench.wanted.again else bench.results.cost(f"capped_{name}", size)
        if cost is None:
            with memory_group(limit) as group:
                cost = run(name, place, *words, group=group)
            bench.results.note(f"capped_{name}", size, cost)
            bench.results.note_figures(capped_bytes=limit)
        yield (
            f"holds  {name} of {cost.rows:,} flights in {limit / _GB:.1f} GB: {cost.seconds:.0f} s, "
            f"anonymous memory at most {cost.peak_bytes / _GB:.2f} GB"
        )
