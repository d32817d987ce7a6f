"""How good as the day unfolds: scores by horizon on months that the model was trained before.

`benchmarks/live.json` keeps what was measured, and is written after every table.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.quality import SCL, run
from benchmarks.report import Promise
from puntual.features.from_frame import keys_of
from puntual.features.live_vector import LIVE_COLUMNS
from puntual.features.rotation import NO_TURNS
from puntual.flights.schema import delay_minutes, has_operation
from puntual.registry import Registry
from puntual.sources import FlightTable, read_flights
from puntual.training.bundle_scores import score_bundle
from puntual.training.live_vectors import LiveFlights

RESULTS = Path("benchmarks/live.json")
HORIZONS = ("day", "360", "120", "60", "30")
MEASURES = ("roc_auc", "average_precision", "brier", "ece", "log_loss")
# ROC AUC and average precision to reach, by horizon.
Reach = Mapping[str, tuple[float, float]]
BARE: Reach = {
    "day": (0.710, 0.385),
    "360": (0.750, 0.490),
    "120": (0.772, 0.540),
    "60": (0.780, 0.555),
    "30": (0.785, 0.565),
}
WITH_TAILS: Reach = {
    "360": (0.760, 0.510),
    "120": (0.788, 0.580),
    "60": (0.797, 0.595),
    "30": (0.802, 0.605),
}
SANTIAGO: Reach = {
    "day": (0.697, 0.415),
    "360": (0.697, 0.415),
    "120": (0.720, 0.430),
    "60": (0.735, 0.445),
    "30": (0.745, 0.465),
}
_AN_HOUR = 60
_AIRPORT_NOW = LIVE_COLUMNS.index("now_airport_delay_1h")


@dataclass(frozen=True)
class Scene:
    """A table of flights, from when on it is the test, and what is to be reached there under which hiding.

    Only flights from `leaving` are scored, or all where it is empty; `alone` leaves those from elsewhere out of the
    table.
    """

    name: str
    source: str
    data: Path | None
    test_from: datetime
    scored: Mapping[str, tuple[tuple[str, ...], Reach]]
    leaving: str = ""
    alone: bool = False

    def put_into(self, folder: Path) -> "Scene":
        """Put the flights that `leaving` leaves alone into a table of their own, its weather beside it."""
        if not self.alone or self.data is None:
            return self
        folder.mkdir(parents=True)
        own = folder / self.data.name
        pl.read_parquet(self.data).filter(pl.col("origin") == self.leaving).write_parquet(own)
        weather = self.data.name.replace("_both_ways_flights", "_weather")
        shutil.copy(self.data.with_name(weather), folder)
        return replace(self, data=own)

    def picks(self, hidden: tuple[str, ...]) -> pl.Expr:
        """Say which flights are scored: with tails those that have one on record, as planned flights would."""
        leaving = pl.col("origin") == self.leaving if self.leaving else pl.lit(True)
        without = "tails" in hidden or self.source == "scl"
        return leaving if without else leaving & pl.col("tail").is_not_null()

    def is_there(self) -> bool:
        """Tell whether the table can be had here."""
        return self.data is None or self.data.is_file()

    def read(self) -> FlightTable:
        """Read the table."""
        return read_flights(self.source, self.data)


SHOWN: Mapping[str, tuple[tuple[str, ...], Reach]] = {
    "without tails": (("tails",), {}),
    "with tails": ((), {}),
}
SCENES = (
    Scene("Santiago", "scl", SCL, datetime(2017, 7, 1), {"": ((), SANTIAGO)}),
    Scene(
        "New York 2013",
        "nyc",
        None,
        datetime(2013, 10, 1),
        {"without tails": (("tails",), BARE), "with tails": ((), WITH_TAILS)},
    ),
    Scene("New York 2017", "nyc", SCL.with_name("nyc2017_flights.parquet"), datetime(2017, 10, 1), SHOWN),
    Scene(
        "Seattle 2015",
        "nyc",
        SCL.with_name("sea2015_both_ways_flights.parquet"),
        datetime(2015, 10, 1),
        SHOWN,
        leaving="SEA",
    ),
    Scene(
        "Seattle 2015 without its arrivals",
        "nyc",
        SCL.with_name("sea2015_both_ways_flights.parquet"),
        datetime(2015, 10, 1),
        SHOWN,
        leaving="SEA",
        alone=True,
    ),
)


def live(folder: Path) -> Iterator[str]:
    """Train before each table's last months and score these as they unfolded."""
    results: dict[str, Any] = {}
    for scene in SCENES:
        if not scene.is_there():
            yield f"skipped {scene.name}: its table is not in data; TEST_DATA=FOLDER names another folder"
            continue
        yield from _scene(scene, folder / scene.name.replace(" ", "-"), results)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def _scene(scene: Scene, folder: Path, results: dict[str, Any]) -> Iterator[str]:
    scene = scene.put_into(folder / "table")
    data = () if scene.data is None else ("--data", str(scene.data))
    words = ("--source", scene.source, *data, "--until", f"{scene.test_from:%Y-%m-%d}")
    where = (
        "--candidates",
        "lightgbm:none",
        "--no-backtest",
        "--registry",
        str(folder),
        "--reports",
        str(folder),
    )
    version = run("train", *words, *where)["version"]
    yield from scores(scene, str(folder), version, results)


def scores(scene: Scene, registry: str, version: str, results: dict[str, Any]) -> Iterator[str]:
    """Score a bundle on a scene, note what was measured in `results`, and give a line for each promise."""
    bundle, table = Registry(registry).read(version), scene.read()
    for shown, (hidden, reach) in scene.scored.items():
        name = f"{scene.name} {shown}".strip()
        scored = score_bundle(
            bundle,
            table,
            start=scene.test_from,
            horizons=HORIZONS,
            without=hidden,
            only=scene.picks(hidden),
        )
        measured = results[name] = {
            horizon: {measure: getattr(at, measure).value for measure in MEASURES}
            | {"flights": at.flights, "gone": scored.gone[horizon]}
            for horizon, at in scored.horizons.items()
        }
        for horizon, at in measured.items():
            yield from _lines(f"{name}, {horizon}", at, reach.get(horizon))
        # Half of the absolute error is the loss of a median.
        errors = {"p50": 2 * scored.horizons[str(_AN_HOUR)].pinball_p50.value} | _errors(scene, hidden, table)
        results[name]["mean_absolute_error_at_1h"] = errors
        yield f"       {name}, mean absolute error at 1 h, minutes: " + ", ".join(
            f"{kind} {minutes:.2f}" for kind, minutes in errors.items()
        )


def _lines(name: str, at: Mapping[str, float], reach: tuple[float, float] | None) -> Iterator[str]:
    if reach is None:
        yield f"       {name}: " + ", ".join(f"{measure} {at[measure]:.4f}" for measure in MEASURES)
        return
    yield Promise(f"{name}, ROC AUC", reach[0], at_least=True).line([at["roc_auc"]])
    yield Promise(f"{name}, average precision", reach[1], at_least=True).line([at["average_precision"]])
    yield Promise(f"{name}, ECE", 0.02, at_least=False).line([at["ece"]], f"; Brier {at['brier']:.4f}")


def _errors(scene: Scene, hidden: tuple[str, ...], table: FlightTable) -> dict[str, float]:
    """Say how far off one is an hour before who plans by the schedule, or by the delay of the hour gone by."""
    flights = table.flights.filter(has_operation(table.flights))
    past = LiveFlights(keys_of(flights), flights, table.late_rule)
    scored = (pl.col("scheduled_departure") >= scene.test_from) & scene.picks(hidden)
    rows = np.flatnonzero(flights.select(scored).to_series().to_numpy())
    rows = rows[past.is_waiting(rows, _AN_HOUR)]
    delay = delay_minutes(flights)[rows]
    now = np.nan_to_num(past.columns(rows, _AN_HOUR, NO_TURNS)[:, _AIRPORT_NOW].astype(float))
    return {
        "as planned": float(np.nanmean(np.abs(delay))),
        "as late as the airport now": float(np.nanmean(np.abs(delay - now))),
    }
