"""Vectors as Parquet are those that training sees, each with what it is of, a file for each airport and month."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from arrivals_made import made_arrivals
from flights_made import as_flight_table, make_flights
from puntual.cli import main
from puntual.errors import NotEnoughFlightsError, StorageError
from puntual.features.live_vector import ALL_COLUMNS
from puntual.features.vector import COLUMNS
from puntual.sources import FlightTable
from puntual.training import feature_table
from puntual.training.experiment import Options, operated_in
from puntual.training.feature_table import IDENTITY, write_features


@pytest.fixture(scope="module")
def table() -> FlightTable:
    return as_flight_table(make_flights(days=70, per_day=20))


@pytest.fixture(scope="module")
def written(table: FlightTable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("features") / "vectors"
    done = write_features(table, folder, Options(), ("day", "180", "30"))
    assert (done.files, done.flights, done.columns) == (6, 1_400, len(ALL_COLUMNS))
    return folder


def read(folder: Path) -> pl.DataFrame:
    """Read all files by what is in them alone."""
    return pl.read_parquet(sorted(folder.rglob("*.parquet")), hive_partitioning=False)


def test_files_are_parted_by_origin_and_month(written: Path) -> None:
    assert sorted(path.relative_to(written).as_posix() for path in written.rglob("*") if path.is_file()) == [
        f"{origin}/2023-{month:02}.parquet" for origin in ("EWR", "JFK") for month in (1, 2, 3)
    ]
    one = pl.read_parquet(written / "EWR" / "2023-02.parquet")
    assert one["origin"].unique().to_list() == ["EWR"]
    assert one["scheduled_departure"].dt.strftime("%Y-%m").unique().to_list() == ["2023-02"]


def test_what_a_vector_is_of_stands_before_it(written: Path) -> None:
    first = pl.read_parquet(written / "JFK" / "2023-01.parquet")
    assert tuple(first.columns) == (*IDENTITY, *ALL_COLUMNS)
    assert set(first.select(ALL_COLUMNS).dtypes) == {pl.Float32}
    assert not any("=" in path.as_posix() for path in written.rglob("*"))


@pytest.mark.parametrize("horizon", ["day", "180", "30"])
def test_the_bits_are_those_that_training_sees(table: FlightTable, written: Path, horizon: str) -> None:
    dataset, _ = operated_in(table, Options())
    rows = np.arange(len(dataset.flights))
    learnt = dataset.learn(rows)
    if horizon == "day":
        expected, columns = learnt.full(rows), COLUMNS
        as_of = dataset.flights["scheduled_departure"].dt.truncate("1d")
    else:
        rows = rows[dataset.live.is_waiting(rows, int(horizon))]
        expected, columns = learnt.live(rows, int(horizon)), ALL_COLUMNS
        as_of = dataset.flights["scheduled_departure"][rows] - timedelta(minutes=int(horizon))
    flights = dataset.flights[rows].select(IDENTITY[:-1]).with_columns(as_of=as_of)
    vectors = read(written).filter(
        pl.col("horizon").is_nan() if horizon == "day" else pl.col("horizon") == int(horizon)
    )
    order = list(IDENTITY)
    ours = flights.hstack(pl.DataFrame(expected, schema=dict.fromkeys(columns, pl.Float32))).sort(order)
    theirs = vectors.sort(order).select(ours.columns)
    assert theirs.select(order).equals(ours.select(order))
    np.testing.assert_array_equal(
        theirs.select(columns).to_numpy().view(np.uint32), ours.select(columns).to_numpy().view(np.uint32)
    )


def test_a_period_bounds_the_flights_and_a_day_needs_nothing_live(table: FlightTable, tmp_path: Path) -> None:
    options = Options(start=datetime(2023, 2, 1), until=datetime(2023, 3, 1))
    done = write_features(table, tmp_path / "february", options)
    vectors = read(tmp_path / "february")
    assert tuple(vectors.columns) == (*IDENTITY, *COLUMNS)
    assert vectors["scheduled_departure"].dt.month().unique().to_list() == [2]
    assert (done.vectors, vectors.height) == (28 * 20, 28 * 20)


def test_toward_arrivals_history_counts_arrivals(tmp_path: Path) -> None:
    table = made_arrivals(days=40, per_day=20)
    for target in ("departure", "arrival"):
        write_features(table, tmp_path / target, Options(target=target))
    departures, arrivals = (read(tmp_path / target) for target in ("departure", "arrival"))
    timetable = [name for name in COLUMNS if name in ("hour_sin", "distance_km", "airport_departures_hour")]
    assert departures.select(timetable).equals(arrivals.select(timetable), null_equal=True)
    rates = [vectors["airport_late_rate_7d"].drop_nans() for vectors in (departures, arrivals)]
    assert rates[0].mean() > rates[1].mean() > 0


def test_when_a_part_fails_nothing_is_there(
    table: FlightTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = feature_table._write

    def fails_at_last(vectors: pl.DataFrame, path: Path) -> None:
        if path.parent.name == "JFK":
            raise OSError
        write(vectors, path)

    monkeypatch.setattr(feature_table, "_write", fails_at_last)
    with pytest.raises(OSError):
        write_features(table, tmp_path / "vectors", Options())
    assert list(tmp_path.iterdir()) == []


def test_vectors_are_made_part_by_part(
    table: FlightTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No matrix is ever made of more flights than a part has."""
    from puntual.training import dataset

    sizes: list[int] = []
    vectorise = dataset.vectorise
    monkeypatch.setattr(
        dataset, "vectorise", lambda keys, *rest: (sizes.append(len(keys)), vectorise(keys, *rest))[1]
    )
    write_features(table, tmp_path / "vectors", Options())
    assert len(sizes) == 6 and sum(sizes) == 1_400


def test_a_table_without_operations_is_refused(table: FlightTable, tmp_path: Path) -> None:
    with pytest.raises(NotEnoughFlightsError, match="no flight of the period has an operation"):
        write_features(table, tmp_path / "vectors", Options(start=datetime(2024, 1, 1)))


MAP = """
[flights]
airline = "airline"
flight_number = "flight_number"
origin = "origin"
destination = "destination"
scheduled_departure = "scheduled_departure"
[operation]
departed = "departed"
cancelled = "cancelled"
"""


def test_the_command_writes_a_folder_and_says_what(table: FlightTable, tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(MAP)
    table.flights.head(400).write_parquet(tmp_path / "flights.parquet")
    words = [
        "features",
        "--source",
        "table",
        "--data",
        str(tmp_path / "*.parquet"),
        "--map",
        str(tmp_path / "map.toml"),
    ]
    run = CliRunner().invoke(main, [*words, "-o", str(tmp_path / "out"), "--json"])
    assert run.exit_code == 0, run.output
    assert '"vectors":400' in run.stdout
    assert read(tmp_path / "out").height == 400
    again = CliRunner().invoke(main, [*words, "-o", str(tmp_path / "out")])
    assert again.exit_code == 1
    assert isinstance(again.exception, SystemExit | StorageError)
    assert "it is there already" in again.stderr
