"""Scores of flights that are predicted part by part are those of one machine, whatever is scored and hidden."""

from datetime import datetime
from pathlib import Path

import msgspec
import polars as pl
import pytest

from cluster_made import HereAlone
from puntual.errors import BundleError, NotEnoughFlightsError
from puntual.registry import Bundle
from puntual.scale.source_files import SourceTable, source_table
from puntual.scale.spread_scores import Scoring, spread_scores
from puntual.sources import read_flights
from puntual.training.bundle_scores import score_bundle


@pytest.fixture
def table(in_files: Path) -> SourceTable:
    return source_table("table", in_files / "flights", in_files / "map.toml", None)


@pytest.mark.parametrize(
    ("start", "horizons", "without"),
    [(datetime(2023, 2, 10), ("day", "120"), ()), (None, ("60",), ("tails",))],
)
def test_scores_are_the_same(
    here: HereAlone,
    made_bundle: Bundle,
    table: SourceTable,
    elsewhere: Path,
    start: datetime | None,
    horizons: tuple[str, ...],
    without: tuple[str, ...],
) -> None:
    ours = spread_scores(here, made_bundle, table, Scoring(start, None, False, horizons, without))
    read = read_flights("table", table.place, table.map_file)
    assert ours == score_bundle(made_bundle, read, start=start, horizons=horizons, without=without)
    assert ours.horizons.keys() == set(horizons)
    assert list(elsewhere.iterdir()) == []


@pytest.mark.usefixtures("elsewhere")
def test_the_own_test_of_a_bundle_is_scored_by_the_model_that_had_not_seen_it(
    here: HereAlone, made_bundle: Bundle, made_flights: pl.DataFrame, in_files: Path, tmp_path: Path
) -> None:
    made_flights.write_parquet(tmp_path / "flights.parquet")
    table = source_table("table", tmp_path / "flights.parquet", in_files / "map.toml", None)
    ours = spread_scores(here, made_bundle, table, Scoring(None, None, True, (), ()))
    theirs = score_bundle(made_bundle, read_flights("table", table.place, table.map_file), split_test=True)
    assert ours == theirs
    assert ours.trained_on == 0 < ours.states["history"].flights


@pytest.mark.usefixtures("elsewhere")
def test_too_few_flights_are_refused(here: HereAlone, made_bundle: Bundle, table: SourceTable) -> None:
    with pytest.raises(NotEnoughFlightsError, match="expected at least 30"):
        spread_scores(here, made_bundle, table, Scoring(datetime(2024, 1, 1), None, False, (), ()))


@pytest.mark.usefixtures("elsewhere")
def test_a_test_that_was_drawn_at_random_is_not_spread(
    here: HereAlone, make_bundle, table: SourceTable
) -> None:
    bundle = make_bundle()
    split = msgspec.structs.replace(bundle.manifest.split, kind="stratified")
    with pytest.raises(BundleError, match="leave out --cluster"):
        spread_scores(here, make_bundle(split=split), table, Scoring(None, None, True, (), ()))
