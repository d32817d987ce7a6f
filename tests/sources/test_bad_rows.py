"""Rows that cannot be read: all of them in one error, or left out and counted."""

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from puntual.errors import BadValueError, DuplicateFlightError, MapError, TableError
from puntual.sources import BadRows, FlightTable, read_flights, read_plain, read_requested
from puntual.sources.faults import LISTED

HEADER = "Fecha-I,Vlo-I,Ori-I,Des-I,Emp-I,Fecha-O"
GOOD = "2017-10-01 08:00:00,1,SCEL,SPJC,LAN,2017-10-01 08:20:00"
PLAIN = "airline,flight_number,origin,destination,scheduled_departure"
MAP = """
[flights]
airline = "carrier"
flight_number = "number"
origin = { constant = "SCL" }
destination = "to"
scheduled_departure = "std"
[operation]
delay_minutes = "delay"
"""


def scl(folder: Path, *rows: str, **options: object) -> FlightTable:
    (folder / "scl.csv").write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return read_flights("scl", folder / "scl.csv", **options)  # type: ignore[arg-type]


def table(folder: Path, rules: str, *rows: str, **options: object) -> FlightTable:
    (folder / "map.toml").write_text(f"{MAP}[rules]\n{rules}", encoding="utf-8")
    (folder / "t.csv").write_text("\n".join(["carrier,number,to,std,delay", *rows]) + "\n", encoding="utf-8")
    return read_flights("table", folder / "t.csv", folder / "map.toml", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("year", ["9999-12-31", "0001-01-01"])
@pytest.mark.parametrize("column", ["Fecha-I", "Fecha-O"])
def test_a_date_beyond_the_reckoning_is_named_by_row_and_value(
    tmp_path: Path, year: str, column: str
) -> None:
    row = GOOD.replace(",1,", ",2,").replace(
        "2017-10-01 08:00:00" if column == "Fecha-I" else "2017-10-01 08:20:00", f"{year} 23:59:59"
    )
    with pytest.raises(BadValueError, match=f"line 3, column '{column}': '{year} 23:59:59' cannot be read"):
        scl(tmp_path, GOOD, row)
    left = scl(tmp_path, GOOD, row, bad_rows="leave_out")
    assert (left.flights.height, left.left_out[0].count) == (1, 1)
    assert left.left_out[0].example == f"line 3, column '{column}': '{year} 23:59:59'"


@pytest.mark.parametrize("moment", [datetime(9999, 12, 31, 23, 59), datetime(1, 1, 1)])
@pytest.mark.parametrize("unit", ["us", "ms"])
def test_such_a_date_is_named_where_parquet_stores_it_as_a_time(
    tmp_path: Path, moment: datetime, unit: str
) -> None:
    (tmp_path / "map.toml").write_text(MAP)
    row = {"carrier": "LA", "number": "1", "to": "MIA", "std": moment, "delay": 3}
    pl.DataFrame([row]).with_columns(pl.col("std").cast(pl.Datetime(unit))).write_parquet(tmp_path / "t.pq")  # type: ignore[arg-type]
    with pytest.raises(BadValueError, match=f"row 1, column 'std': '{moment:%Y}|row 1, column 'std': '000?1"):
        read_flights("table", tmp_path / "t.pq", tmp_path / "map.toml")


def test_such_a_date_is_named_in_new_york_where_it_lies_in_three_columns(tmp_path: Path) -> None:
    header = (
        "year,month,day,dep_time,sched_dep_time,dep_delay,sched_arr_time,carrier,flight,tailnum,origin,dest"
    )
    rows = [f"{year},12,31,2350,2350,0,200,UA,1,N1,EWR,IAH" for year in ("2013", "9999", "0001")]
    (tmp_path / "flights.csv").write_text("\n".join([header, *rows]) + "\n")
    with pytest.raises(
        BadValueError, match=r"(?s)2 rows cannot be used.*line 3.*'9999-12-31'.*line 4.*'0001-12-31'"
    ):
        read_flights("nyc", tmp_path)
    assert read_flights("nyc", tmp_path, bad_rows=BadRows.LEAVE_OUT).flights.height == 1


def test_all_that_is_wrong_is_listed_by_line_over_all_columns(tmp_path: Path) -> None:
    rows = (GOOD, GOOD.replace("SPJC", "Atlantis"), GOOD.replace("2017-10-01 08:00:00", "soon"), GOOD)
    with pytest.raises(TableError) as refused:
        scl(tmp_path, *rows)
    lines = str(refused.value).splitlines()
    assert lines[0] == f"{tmp_path}/scl.csv: 3 rows cannot be used"
    assert lines[1].startswith("  line 3, column 'Des-I': airport 'ATLANTIS' is listed neither")
    assert lines[2].startswith("  line 4, column 'Fecha-I': 'soon' cannot be read; expected")
    assert lines[3].startswith("  line 2 and line 5: flight LAN 1 SCL–LIM 2017-10-01 08:00:00 stands twice")
    assert "--bad-rows leave_out" in lines[4]


def test_the_first_twenty_are_listed_and_the_rest_counted_by_reason(tmp_path: Path) -> None:
    late = [f"LA,{number},MIA,2017-10-01 10:00,abc" for number in range(30)]
    with pytest.raises(BadValueError) as refused:
        table(tmp_path, "", *late, "LA,99,,2017-10-01 10:00,3")
    lines = str(refused.value).splitlines()
    assert sum(line.startswith("  line") for line in lines) == LISTED
    assert (
        "  and 10 more: column 'delay' cannot be read; expected a number of minutes such as 12 or -3" in lines
    )
    assert "  and 1 more: column 'to' cannot be read; expected text in every row" in lines


def test_rows_left_out_are_counted_once_each_by_their_first_reason(tmp_path: Path) -> None:
    rows = (
        "LA,1,MIA,2017-10-01 10:00,3",
        "LA,2,Atlantis,soon,abc",
        "LA,3,MIA,2017-10-01 10:00,abc",
        "LA,4,MIA,2017-10-01 10:00,x",
        "LA,1,MIA,2017-10-01 10:00,9",
    )
    read = table(tmp_path, 'bad_rows = "leave_out"', *rows)
    assert [(gone.count, gone.example) for gone in read.left_out] == [
        (1, "line 3, column 'to': 'Atlantis'"),
        (2, "line 4, column 'delay': 'abc'"),
        (1, "line 6: LA 1 SCL–MIA 2017-10-01 10:00:00"),
    ]
    assert read.rows == read.flights.height + sum(gone.count for gone in read.left_out) == 5
    assert read.flights["departed"].to_list() == [datetime(2017, 10, 1, 10, 3)]


def test_what_the_caller_says_comes_before_the_map(tmp_path: Path) -> None:
    rows = ("LA,1,MIA,2017-10-01 10:00,3", "LA,2,MIA,2017-10-01 10:00,abc")
    with pytest.raises(BadValueError):
        table(tmp_path, 'bad_rows = "leave_out"', *rows, bad_rows="refuse")
    assert table(tmp_path, 'bad_rows = "refuse"', *rows, bad_rows="leave_out").flights.height == 1
    with pytest.raises(MapError, match="bad_rows = 'maybe'; expected one of 'refuse', 'leave_out'"):
        table(tmp_path, 'bad_rows = "maybe"', *rows)


def test_a_table_of_bad_rows_alone_is_refused_even_then(tmp_path: Path) -> None:
    with pytest.raises(BadValueError, match="line 2, column 'delay'"):
        table(tmp_path, 'bad_rows = "leave_out"', "LA,1,MIA,2017-10-01 10:00,abc")


def test_a_small_map_serves_a_source_with_columns_of_its_own(tmp_path: Path) -> None:
    missing = GOOD.replace("2017-10-01 08:20:00", "NA").replace(",1,", ",2,")
    with pytest.raises(
        BadValueError, match=r"write missing = \[\"NA\"\] under \[rules\] of the map \(--map\)"
    ):
        scl(tmp_path, GOOD, missing)
    (tmp_path / "map.toml").write_text('[rules]\nmissing = ["NA"]\nbad_rows = "leave_out"')
    read = scl(tmp_path, GOOD, missing, GOOD.replace("SPJC", "?????"), map_file=tmp_path / "map.toml")
    assert read.flights["departed"].to_list() == [datetime(2017, 10, 1, 8, 20), None]
    assert [gone.count for gone in read.left_out] == [1]


@pytest.mark.parametrize("word", ["NA", "n/a", "NULL", "\\N", "-"])
def test_a_word_for_nothing_in_the_place_of_a_number_names_the_missing_rule(
    tmp_path: Path, word: str
) -> None:
    row = f"LA,1,MIA,2017-10-01 10:00,{word}"
    with pytest.raises(BadValueError, match=r"write missing = \["):
        table(tmp_path, "", row)
    quoted = word.replace("\\", "\\\\")
    assert table(tmp_path, f'missing = ["{quoted}"]', row).flights["departed"].to_list() == [None]


def test_the_missing_rule_holds_for_texts_of_parquet_and_a_number_that_is_none_is_empty(
    tmp_path: Path,
) -> None:
    (tmp_path / "map.toml").write_text(MAP + '[rules]\nmissing = ["NA"]')
    rows = {"carrier": ["LA"] * 2, "number": ["1", "2"], "to": ["MIA"] * 2, "std": [datetime(2017, 1, 1)] * 2}
    for delay in (["NA", "5"], [float("nan"), 5.0]):
        pl.DataFrame(rows | {"delay": delay}).write_parquet(tmp_path / "t.pq")
        read = read_flights("table", tmp_path / "t.pq", tmp_path / "map.toml")
        assert read.flights["departed"].to_list() == [None, datetime(2017, 1, 1, 0, 5)]


def test_flights_asked_about_may_lack_their_bad_rows_too() -> None:
    text = f"{PLAIN}\nLA,1,SCL,MIA,2017-10-01 10:00\nLA,2,SCL,MIA,9999-12-31 10:00\n".encode()
    for reader in (read_plain, read_requested):
        with pytest.raises(BadValueError, match="line 3, column 'scheduled_departure': '9999-12-31 10:00'"):
            reader(text, "f", ".csv")
        left = reader(text, "f", ".csv", bad_rows=BadRows.LEAVE_OUT)
        assert left.records.to_list() == [0]
    words = b"Vlo-I,MES\n1,3\n2,13\n"
    assert read_requested(words, "f", ".csv", bad_rows=BadRows.LEAVE_OUT).flights["month"].to_list() == [3]


def test_a_repeated_row_of_santiago_is_left_out_but_another_operation_stays(tmp_path: Path) -> None:
    other = GOOD.replace("08:20", "08:50")
    with pytest.raises(DuplicateFlightError, match="line 2 and line 4"):
        scl(tmp_path, GOOD, other, GOOD)
    read = scl(tmp_path, GOOD, other, GOOD, bad_rows="leave_out")
    assert read.flights.height == 2
    assert [(gone.reason, gone.count) for gone in read.left_out] == [
        ("the same flight stands in an earlier row", 1)
    ]


cells = st.sampled_from(["3", "-5", "", "abc", "NA", "1e9", "inf"])
towns = st.sampled_from(["MIA", "SEQU", "QQQQ", "Atlantis", ""])
days = st.sampled_from(
    ["2017-10-01 10:00", "2017-10-02 10:00", "9999-12-31 10:00", "0001-01-01 00:00", "soon", ""]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(towns, days, cells), min_size=1, max_size=8))
def test_leaving_bad_rows_out_reads_the_flights_of_a_table_without_them(
    tmp_path: Path, rows: list[tuple[str, str, str]]
) -> None:
    lines = [f"LA,{number},{','.join(row)}" for number, row in enumerate(rows)]
    good = []
    for line in lines:
        try:
            table(tmp_path, "", line)
        except TableError:
            continue
        good.append(line)
    if not good:
        return
    left = table(tmp_path, 'bad_rows = "leave_out"', *lines)
    assert left.flights.equals(table(tmp_path, "", *good).flights)
    assert left.rows == left.flights.height + sum(gone.count for gone in left.left_out)
