"""Vectors made part by part, from files that are read apart, are those of one machine to the bit."""

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from arrivals_made import with_arrivals
from cluster_made import MAP, HereAlone, same_bits, table_with_turns
from puntual.errors import DuplicateFlightError, NotEnoughFlightsError, StorageError, TableError
from puntual.scale import spread_features as module
from puntual.scale.source_files import source_table
from puntual.scale.spread_features import options_key, spread_features
from puntual.scale.work_folder import key_of
from puntual.sources import read_flights
from puntual.storage import open_store
from puntual.training.experiment import Options
from puntual.training.feature_table import write_features

LIVE = ("day", "180", "30")


def both(here: HereAlone, data: Path, map_file: Path, output: Path, options: Options, horizons=LIVE) -> None:
    """Write vectors both ways, and require the same of them."""
    table = read_flights("table", data, map_file)
    ours = spread_features(
        here, source_table("table", data, map_file, None), output / "ours", options, horizons
    )
    assert ours == write_features(table, output / "theirs", options, horizons)
    same_bits(output / "ours", output / "theirs")


def test_live_vectors_of_aircraft_that_turn_at_several_airports_are_the_same(
    here: HereAlone, in_files: Path, tmp_path: Path
) -> None:
    both(here, in_files / "flights", in_files / "map.toml", tmp_path, Options())
    vectors = pl.read_parquet(tmp_path / "ours" / "JFK" / "2023-02.parquet")
    assert 0 < vectors["rotation_second_gap"].is_nan().mean() < 1
    assert vectors["now_network_departed_3h"].drop_nans().mean() > 0
    assert not any(path.name.endswith(".parts") for path in tmp_path.iterdir())


def test_vectors_of_a_period_are_the_same_and_what_is_left_out_is_counted(
    here: HereAlone, in_files: Path, tmp_path: Path
) -> None:
    options = Options(start=datetime(2023, 1, 20), until=datetime(2023, 3, 5))
    both(here, in_files / "flights", in_files / "map.toml", tmp_path, options, ("day",))


def test_toward_arrivals_the_same_history_is_counted(here: HereAlone, tmp_path: Path) -> None:
    table = with_arrivals(table_with_turns())
    flights = table.flights.with_columns(arrived=table.arrived, diverted=table.diverted)
    flights.write_parquet(tmp_path / "flights.parquet")
    more = 'arrived = "arrived"\ndiverted = "diverted"\n'
    with_due = MAP.replace("[operation]", 'scheduled_arrival = "scheduled_arrival"\n[operation]') + more
    (tmp_path / "map.toml").write_text(with_due)
    both(here, tmp_path / "flights.parquet", tmp_path / "map.toml", tmp_path, Options(target="arrival"))


def test_a_flight_that_stands_in_two_files_is_refused_or_left_out(here: HereAlone, tmp_path: Path) -> None:
    flights = table_with_turns(days=40)
    flights[:300].write_parquet(tmp_path / "1.parquet")
    flights[299:].write_parquet(tmp_path / "2.parquet")
    (tmp_path / "map.toml").write_text(MAP)
    twice = source_table("table", tmp_path / "*.parquet", tmp_path / "map.toml", None)
    with pytest.raises(DuplicateFlightError, match="stands in two files"):
        spread_features(here, twice, tmp_path / "ours", Options())
    without = source_table("table", tmp_path / "*.parquet", tmp_path / "map.toml", "leave_out")
    ours = spread_features(here, without, tmp_path / "ours", Options())
    table = read_flights("table", tmp_path / "*.parquet", tmp_path / "map.toml", bad_rows="leave_out")
    assert ours.flights == table.flights.height == flights.height
    write_features(table, tmp_path / "theirs", Options())
    same_bits(tmp_path / "ours", tmp_path / "theirs")


def test_a_command_that_is_repeated_goes_on_where_it_was(
    here: HereAlone, in_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, made = module.make_vectors, []

    def fails_at_the_third(folder, part):
        if len(made) == 2:
            raise StorageError("the disk is full")
        made.append(part.place.name)
        return make(folder, part)

    table = source_table("table", in_files / "flights", in_files / "map.toml", None)
    monkeypatch.setattr(module, "make_vectors", fails_at_the_third)
    with pytest.raises(StorageError, match="the disk is full"):
        spread_features(here, table, tmp_path / "ours", Options())
    assert not (tmp_path / "ours").exists()
    monkeypatch.setattr(module, "make_vectors", make)
    here.carried_out.clear()
    spread_features(here, table, tmp_path / "ours", Options())
    again = {name for name in here.carried_out if name.startswith("features-")}
    assert again and not again & {f"features-{name}" for name in made}
    assert not any(name.startswith(("read-", "part-")) for name in here.carried_out)
    write_features(
        read_flights("table", in_files / "flights", in_files / "map.toml"), tmp_path / "theirs", Options()
    )
    same_bits(tmp_path / "ours", tmp_path / "theirs")


def test_other_options_and_a_changed_file_begin_anew(in_files: Path, tmp_path: Path) -> None:
    (tmp_path / "flights.parquet").write_bytes((in_files / "flights" / "0.parquet").read_bytes())
    table = source_table("table", tmp_path / "flights.parquet", in_files / "map.toml", None)
    keys = {key_of(table, table.stamps(), options_key(Options()))}
    keys.add(key_of(table, table.stamps(), options_key(Options(target="arrival"))))
    (tmp_path / "flights.parquet").write_bytes((in_files / "flights" / "1.parquet").read_bytes())
    keys.add(key_of(table, table.stamps(), options_key(Options())))
    assert len(keys) == 3


def test_parts_may_lie_in_a_bucket(here: HereAlone, in_files: Path, tmp_path: Path, bucket: str) -> None:
    table = source_table("table", in_files / "flights" / "0.parquet", in_files / "map.toml", None)
    spread_features(here, table, tmp_path / "ours", Options(), scratch=f"{bucket}/parts")
    read = read_flights("table", in_files / "flights" / "0.parquet", in_files / "map.toml")
    write_features(read, tmp_path / "theirs", Options())
    same_bits(tmp_path / "ours", tmp_path / "theirs")
    assert open_store(bucket).walk() == []


def test_a_table_that_tells_nothing_of_the_target_or_period_is_refused(
    here: HereAlone, in_files: Path, tmp_path: Path
) -> None:
    table = source_table("table", in_files / "flights", in_files / "map.toml", None)
    with pytest.raises(TableError, match="tells no arrivals"):
        spread_features(here, table, tmp_path / "ours", Options(target="arrival"))
    with pytest.raises(NotEnoughFlightsError, match="no flight of the period has an operation"):
        spread_features(here, table, tmp_path / "ours", Options(start=datetime(2030, 1, 1)))
    assert not (tmp_path / "ours").exists()
