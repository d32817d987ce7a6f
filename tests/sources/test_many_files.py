"""A table may lie in many files, in a folder or a bucket, and is then read, and refused, as one."""

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from puntual.errors import BadValueError, DuplicateFlightError, MissingColumnError, TableError
from puntual.flights.flight import LateRule
from puntual.prediction.table_io import read_table
from puntual.sources import read_flights
from puntual.storage import open_store
from real_tables import FOLDER
from sources.bts_made import CALLED_OFF, FORM, YEARLY, as_published, flight, renamed_csv, write_month

MAP = """
[flights]
airline = "carrier"
flight_number = "number"
origin = "from"
destination = "to"
scheduled_departure = "std"
[operation]
delay_minutes = "delay"
"""
HEADER = "carrier,number,from,to,std,delay\n"


def day(month: int, delay: str = "5", number: str = "1") -> str:
    return f"AA,{number},JFK,BOS,2017-{month:02}-01 09:00,{delay}\n"


@pytest.fixture
def map_file(tmp_path: Path) -> Path:
    path = tmp_path / "map.toml"
    path.write_text(MAP)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "flights"
    (folder / "later").mkdir(parents=True)
    (folder / "a.csv").write_text(HEADER + day(1) + day(2, "30"))
    (folder / "later" / "b.csv").write_text(HEADER + day(3) + "\n" + day(4, "-2"))
    return folder


def test_a_folder_is_read_as_one_table_with_all_folders_in_it(folder: Path, map_file: Path) -> None:
    (folder / "_SUCCESS").write_text("")
    (folder / ".part.csv").write_text("half written")
    table = read_flights("table", folder, map_file)
    assert table.flights["scheduled_departure"].dt.month().to_list() == [1, 2, 3, 4]
    assert (table.rows, table.flights["departed"].null_count()) == (5, 0)
    assert [(left.reason, left.example) for left in table.left_out] == [("blank row", "later/b.csv, line 3")]
    whole = folder.parent / "whole.csv"
    whole.write_text(HEADER + day(1) + day(2, "30") + day(3) + day(4, "-2"))
    assert table.flights.equals(read_flights("table", whole, map_file).flights)


def test_the_digest_tells_one_folder_from_another(folder: Path, map_file: Path) -> None:
    before = read_flights("table", folder, map_file).digest
    assert read_flights("table", folder, map_file).digest == before
    (folder / "a.csv").write_text(HEADER + day(1) + day(2, "31"))
    assert read_flights("table", folder, map_file).digest != before


@pytest.mark.parametrize(
    ("pattern", "months"),
    [("*.csv", [1, 2]), ("*/*.csv", [3, 4]), ("**/*.csv", [1, 2, 3, 4]), ("l*/[b]?csv", [3, 4])],
)
def test_a_pattern_names_files(folder: Path, map_file: Path, pattern: str, months: list[int]) -> None:
    table = read_flights("table", folder / pattern, map_file)
    assert table.flights["scheduled_departure"].dt.month().to_list() == months


def test_a_pattern_that_no_file_fits_is_refused(folder: Path, map_file: Path) -> None:
    with pytest.raises(TableError, match=r"\*\.parquet: no tables of flights are there"):
        read_flights("table", folder / "*.parquet", map_file)


def test_a_file_whose_name_looks_like_a_pattern_is_read(folder: Path, map_file: Path) -> None:
    (folder / "year[1].csv").write_text(HEADER + day(7))
    assert read_flights("table", folder / "year[1].csv", map_file).flights.height == 1


def test_what_is_wrong_is_listed_by_file_and_line(folder: Path, map_file: Path) -> None:
    (folder / "a.csv").write_text(HEADER + day(1, "soon") + day(2))
    (folder / "later" / "c.csv").write_text(HEADER + day(5) + day(6, "later"))
    with pytest.raises(BadValueError) as refused:
        read_flights("table", folder, map_file)
    lines = str(refused.value).splitlines()
    assert lines[0] == f"{folder}: 2 rows cannot be used"
    assert lines[1].startswith("  a.csv, line 2, column 'delay': 'soon' cannot be read")
    assert lines[2].startswith("  later/c.csv, line 3, column 'delay': 'later' cannot be read")


def test_rows_left_out_are_counted_over_all_files(folder: Path, map_file: Path) -> None:
    (folder / "a.csv").write_text(HEADER + day(1, "soon") + day(2))
    (folder / "later" / "c.csv").write_text(HEADER + day(5) + day(6, "later"))
    table = read_flights("table", folder, map_file, bad_rows="leave_out")
    left = next(left for left in table.left_out if "cannot be read" in left.reason)
    assert (left.count, left.example) == (2, "a.csv, line 2, column 'delay': 'soon'")


def test_a_flight_in_two_files_is_refused_by_both_places(folder: Path, map_file: Path) -> None:
    (folder / "later" / "c.csv").write_text(HEADER + day(5) + day(1))
    with pytest.raises(DuplicateFlightError, match=r"a.csv, line 2 and later/c.csv, line 3"):
        read_flights("table", folder, map_file)


def test_a_file_that_lacks_a_column_is_named(folder: Path, map_file: Path) -> None:
    (folder / "z.csv").write_text("carrier,number,from,to,std\nAA,1,JFK,BOS,2017-09-01 09:00\n")
    with pytest.raises(MissingColumnError, match=r"z.csv: column 'delay' is missing"):
        read_flights("table", folder, map_file)


def test_columns_in_the_names_of_folders_are_read(tmp_path: Path) -> None:
    flights = pl.DataFrame(
        {
            "day": [1, 2],
            "dep_time": [905.0, None],
            "sched_dep_time": [900, 900],
            "dep_delay": [5.0, None],
            "sched_arr_time": [1000, 1000],
            "arr_delay": [1.0, None],
            "carrier": ["AA", "AA"],
            "flight": [1, 1],
            "tailnum": ["N1", "N1"],
            "origin": ["JFK", "JFK"],
            "dest": ["BOS", "BOS"],
        }
    )
    for year in (2016, 2017):
        part = tmp_path / f"year={year}" / "month=2" / "part-0.parquet"
        part.parent.mkdir(parents=True)
        flights.write_parquet(part)
    table = read_flights("nyc", tmp_path)
    assert table.flights["scheduled_departure"].to_list() == [
        datetime(year, 2, day, 9) for year in (2016, 2017) for day in (1, 2)
    ]
    assert read_flights("nyc", tmp_path / "year=2017" / "**").flights.height == 2


def test_a_bucket_is_read_by_folder_and_by_pattern(bucket: str, tmp_path: Path) -> None:
    store = open_store(f"{bucket}/record")
    for year in (2016, 2017):
        path = write_month(tmp_path, [flight(FlightDate=f"{year}-01-03")], year=year)
        store.write(f"year={year}/{path.name}", path.read_bytes())
    assert read_flights("bts", f"{bucket}/record").flights["scheduled_departure"].dt.year().to_list() == [
        2016,
        2017,
    ]
    only = read_flights("bts", f"{bucket}/record/year=2017/*.zip")
    assert only.flights["scheduled_departure"].dt.year().to_list() == [2017]
    with pytest.raises(TableError, match=r"year=2018/\*.zip: no tables of flights are there"):
        read_flights("bts", f"{bucket}/record/year=2018/*.zip")


def test_a_row_in_a_bucket_is_named_by_file_and_line(bucket: str, tmp_path: Path) -> None:
    store = open_store(f"{bucket}/record")
    for month, clock in ((1, "0900"), (2, "0970")):
        path = write_month(tmp_path, [flight(FlightDate=f"2017-0{month}-03", CRSDepTime=clock)], month=month)
        store.write(f"{month}.zip", path.read_bytes())
    with pytest.raises(BadValueError, match=r"2.zip, line 2, column 'CRSDepTime': '0970'"):
        read_flights("bts", f"{bucket}/record/")


def test_of_many_files_no_more_is_held_than_their_flights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file's rows are gone before the next is read."""
    import weakref

    from puntual.sources import bts

    alive: list[weakref.ref[object]] = []
    most = 0
    parse = bts._parsed

    def counted(*words: object) -> object:
        nonlocal most
        raw = parse(*words)
        alive.append(weakref.ref(raw))
        most = max(most, sum(one() is not None for one in alive))
        return raw

    monkeypatch.setattr(bts, "_parsed", counted)
    for month in range(1, 6):
        write_month(tmp_path, [flight(FlightDate=f"2017-0{month}-03")], month=month)
    assert read_flights("bts", tmp_path).flights.height == 5
    assert most <= 2


def test_coming_flights_of_many_files_keep_their_columns_and_their_order(bucket: str) -> None:
    coming = [
        flight(FlightDate=f"2017-0{month}-03", CRSDepTime=clock)
        for month in (2, 1)
        for clock in ("0900", "0800")
    ]
    names = {name: other for name, other in FORM.items() if name not in CALLED_OFF and name != "Diverted"}
    store = open_store(f"{bucket}/coming")
    for place, rows in enumerate((coming[:2], coming[2:])):
        text = renamed_csv(pl.DataFrame(rows), names)
        store.write(f"{place}.csv", text.encode())
    table = read_table(f"{bucket}/coming/*.csv", "csv", "bts", None, LateRule.FROM_15)
    assert table.records.to_list() == [3, 2, 1, 0]
    assert table.given is not None
    assert table.given["CRS_DEP_TIME"].to_list() == ["0800", "0900", "0800", "0900"]
    assert table.given["FL_DATE"].to_list() == ["2017-01-03", "2017-01-03", "2017-02-03", "2017-02-03"]


ALBUQUERQUE = FOLDER / "abq2008_2017_flights.parquet"


@pytest.mark.skipif(not ALBUQUERQUE.is_file(), reason=f"{ALBUQUERQUE.name} is not there")
def test_ten_years_in_a_folder_are_the_ten_years(tmp_path: Path) -> None:
    """Airlines that merged fly on under the code that was reported, and airports that closed keep their flights."""
    ten = pl.read_parquet(ALBUQUERQUE)
    for year in range(2008, 2018):
        part = tmp_path / f"year={year}" / "part-0.csv"
        part.parent.mkdir()
        part.write_text(renamed_csv(as_published(ten.filter(pl.col("year") == year)).drop("Year"), YEARLY))
    table, expected = read_flights("bts", tmp_path), read_flights("nyc", ALBUQUERQUE)
    same = [name for name in table.flights.columns if name != "aircraft"]
    assert table.flights.select(same).equals(expected.flights.select(same))
    by_year = table.flights.group_by(pl.col("scheduled_departure").dt.year().alias("year")).agg("airline")
    airlines = {year: set(codes) for year, codes in by_year.rows()}
    assert len(airlines) == 10
    assert "US" in airlines[2014] and "US" not in airlines[2016]
