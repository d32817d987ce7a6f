"""Measure every promise and print a line for each: `make bench`, or `python -m benchmarks speed`."""

import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks import events, live, page, quality, scale, serving, speed
from benchmarks.events import effort as event_effort
from benchmarks.serving.effort import FULL, SHORT, Effort

SHORTLY = "--short"


def main(words: list[str]) -> None:
    """Run the parts named, or all but `scale`, which takes hours: speed, scl, nyc, live, whole, serving, events, page.

    `--short` makes `serving` and `events` just long enough to see that each part works; their figures mean nothing.
    What else begins with two dashes is for `scale`, as `scale.options_of` says.
    """
    short = {
        "serving": partial(_serving, effort=SHORT),
        "events": partial(_events, effort=event_effort.SHORT),
    }
    parts = PARTS | short if SHORTLY in words else PARTS
    sizes = [word for word in words if word.startswith("--") and word != SHORTLY]
    if sizes:
        parts = parts | {"scale": lambda _: scale.scale(scale.options_of(sizes))}
    wanted = [word for word in words if not word.startswith("--")] or [
        part for part in PARTS if part != "scale"
    ]
    if unknown := set(wanted) - PARTS.keys():
        raise SystemExit(f"{', '.join(sorted(unknown))}: no such part; there are {', '.join(PARTS)}")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for part in wanted:
            for line in parts[part](folder):
                print(line, flush=True)


def _speed(folder: Path) -> Iterator[str]:
    quality.run(
        *(
            "train",
            "--source",
            "nyc",
            "--candidates",
            "xgboost:none",
            "--until",
            "2013-07-01",
            "--no-backtest",
        ),
        *("--registry", str(folder / "speed"), "--reports", str(folder)),
    )
    bundle = next((folder / "speed").glob("*.puntual"))
    yield from speed.import_time()
    yield from speed.loading(bundle)
    yield from speed.featurising()
    yield from speed.batches(bundle)
    yield from speed.one_candidate()


def _serving(folder: Path, effort: Effort = FULL) -> Iterator[str]:
    registry, version = _served_model(folder)
    yield from serving.serving(folder / "serving", registry, version, effort)


def _events(folder: Path, effort: event_effort.EventEffort = event_effort.FULL) -> Iterator[str]:
    registry, version = _served_model(folder)
    yield from events.events(folder / "events", registry, version, effort)


def _page(folder: Path) -> Iterator[str]:
    registry, version = _served_model(folder)
    yield from page.page(folder / "board", registry, version)


def _served_model(folder: Path) -> tuple[str, str]:
    registry = str(folder / "registry")
    words = ("--source", "nyc", "--candidates", "xgboost:none", "--until", "2013-07-01", "--no-backtest")
    trained = quality.run("train", *words, "--registry", registry, "--reports", str(folder))
    return registry, trained["version"]


PARTS = {
    "speed": _speed,
    "scl": lambda folder: quality.scl(folder / "scl"),
    "nyc": lambda folder: quality.nyc(folder / "nyc"),
    "live": lambda folder: live.live(folder / "live"),
    "whole": lambda folder: quality.whole_comparison(folder / "whole"),
    "serving": _serving,
    "events": _events,
    "page": _page,
    "scale": lambda _: scale.scale(scale.Scale()),
}

if __name__ == "__main__":
    main(sys.argv[1:])
