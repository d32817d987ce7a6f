"""Which parts of the bench to run, at which sizes, and where what comes of it is kept."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
YEAR = Path(os.environ.get("TEST_DATA") or "data") / "nyc2017_flights.parquet"
SIZES = ((1_000_000, 3), (4_000_000, 30), (16_000_000, 300))


@dataclass(frozen=True)
class Scale:
    """The parts and sizes (rows, airports) to measure; no parts stand for all.

    `rival_rows` are those of the comparisons with others, `cap_bytes` is the limit of memory that the vectors of four
    million flights do not fit in. `folder` keeps tables and bundles from one run to the next.
    """

    parts: Sequence[str] = ()
    sizes: Sequence[tuple[int, int]] = SIZES
    again: bool = False
    rival_rows: int = 1_000_000
    cap_bytes: int = 1_500_000_000
    results: Path = _ROOT / "benchmarks" / "scale.json"
    folder: Path = _ROOT / "build" / "scale"
    year: Path = field(default_factory=lambda: YEAR)


def options_of(words: Sequence[str]) -> Scale:
    """Read `--parts=A,B`, `--sizes=300000x3,1000000x30`, `--again` and the others that `Scale` has."""
    given = dict(word.removeprefix("--").partition("=")[::2] for word in words)
    usual = Scale()
    return Scale(
        tuple(given["parts"].split(",")) if "parts" in given else (),
        tuple(_size(size) for size in given["sizes"].split(",")) if "sizes" in given else SIZES,
        "again" in given,
        int(given.get("rival-rows", usual.rival_rows)),
        int(given.get("cap", usual.cap_bytes)),
        Path(given.get("results", usual.results)),
        Path(given.get("folder", usual.folder)),
    )


def _size(text: str) -> tuple[int, int]:
    rows, _, airports = text.partition("x")
    return int(rows), int(airports)
