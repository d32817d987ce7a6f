import string
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from puntual.errors import (
    BadValueError,
    DuplicateFlightError,
    MapError,
    OutcomeAsFeatureError,
    PuntualError,
    TableError,
)
from puntual.flights.flight import LateRule
from puntual.flights.flight_number import clean_flight_number
from puntual.sources import FlightTable, read_flights

FLIGHTS = """
[flights]
airline = "carrier"
flight_number = "number"
origin = "from"
destination = "to"
scheduled_departure = "std"
"""
OPERATION = '[operation]\ndelay_minutes = "delay"\ncancelled = "off"\n'
HEADER = "carrier,number,from,to,std,delay,off"
ON_TIME = "lan,226,SCEL,MIA,2017-01-01 23:30,3,no"


def read(folder: Path, toml: str, *rows: str, header: str = HEADER, encoding: str = "utf-8") -> FlightTable:
    (folder / "map.toml").write_text(toml)
    (folder / "mine.csv").write_bytes(("\n".join([header, *rows]) + "\n").encode(encoding))
    return read_flights("table", folder / "mine.csv", folder / "map.toml")


def test_a_mapped_row_becomes_a_flight(tmp_path: Path) -> None:
    table = read(tmp_path, FLIGHTS + OPERATION + '[rules]\nlate = ">15"', ON_TIME)
    flight = table.flights.row(0, named=True)
    assert (flight["airline"], flight["flight_number"], flight["origin"]) == ("LAN", "226", "SCL")
    assert flight["departed"] == datetime(2017, 1, 1, 23, 33)
    assert (flight["cancelled"], flight["scheduled_arrival"], flight["tail"]) == (False, None, None)
    assert table.late_rule is LateRule.MORE_THAN_15


def test_a_table_without_an_operation_is_read_with_the_outcome_unknown(tmp_path: Path) -> None:
    flight = read(tmp_path, FLIGHTS, ON_TIME).flights.row(0, named=True)
    assert (flight["departed"], flight["cancelled"]) == (None, None)


def test_coming_flights_need_not_have_the_columns_of_the_operation(tmp_path: Path) -> None:
    rule = "[rules]\nmissing_departure_is_cancelled = true"
    (tmp_path / "map.toml").write_text(FLIGHTS + OPERATION + rule)
    (tmp_path / "coming.csv").write_text("carrier,number,from,to,std\nLAN,1,SCL,MIA,2017-01-01 23:30\n")
    files = tmp_path / "coming.csv", tmp_path / "map.toml"
    coming = read_flights("table", *files, operated=False).flights
    assert (coming["departed"].to_list(), coming["cancelled"].to_list()) == ([None], [None])
    with pytest.raises(PuntualError, match="'delay' is missing"):
        read_flights("table", *files)


def test_a_row_without_an_outcome_stays_and_a_rule_can_call_it_cancelled(tmp_path: Path) -> None:
    unknown = "LAN,1,SCL,MIA,2017-01-01 23:30,,"
    rule = "[rules]\nmissing_departure_is_cancelled = true"
    assert read(tmp_path, FLIGHTS + OPERATION, unknown).flights["cancelled"].to_list() == [None]
    assert read(tmp_path, FLIGHTS + OPERATION + rule, unknown).flights["cancelled"].to_list() == [True]


def test_a_cancelled_flight_with_a_departure_counts_as_cancelled_and_is_noted(tmp_path: Path) -> None:
    table = read(tmp_path, FLIGHTS + OPERATION, "LAN,1,SCL,MIA,2017-01-01 23:30,5,yes")
    assert table.flights["departed"].to_list() == [None]
    assert "cancelled flights that have a departure" in table.notes[0]


def test_dates_and_clock_times_constants_and_aliases_are_followed(tmp_path: Path) -> None:
    toml = """
    [flights]
    airline = { constant = "all" }
    flight_number = { constant = "0" }
    origin = { constant = "XYZ" }
    destination = "to"
    scheduled_departure = { date = "day", time = "clock" }
    scheduled_arrival = { time = "sta" }
    [rules]
    date_format = "%d/%m/%Y"
    separator = ";"
    encoding = "latin-1"
    missing = ["NA"]
    [airports]
    XYZ = "SCEL"
    """
    table = read(
        tmp_path, toml, "MIA;31/01/2017;2330;05:10;ñ", "MIA;31/01/2017;2400;NA;ñ",
        header="to;day;clock;sta;año",
        encoding="latin-1",
    )  # fmt: skip
    assert table.flights["origin"].unique().to_list() == ["SCL"]
    assert table.flights["scheduled_departure"].to_list() == [
        datetime(2017, 1, 31, 23, 30),
        datetime(2017, 2, 1),
    ]
    assert table.flights["scheduled_arrival"].to_list() == [datetime(2017, 2, 1, 5, 10), None]


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        (",3,", ",abc,", r"line 3, column 'delay': 'abc' cannot be read; expected a number of minutes"),
        (",no", ",perhaps", r"line 3, column 'off': 'perhaps' cannot be read; expected true or false"),
        ("2017-01-01 23:30", "2017-01-01T23:30:00Z", r"line 3, column 'std': .*without an offset"),
        ("2017-01-01 23:30", "2017-01-01", r"line 3, column 'std': '2017-01-01' cannot be read"),
        ("lan", " ", r"line 3, column 'carrier': the cell is empty"),
    ],
)
def test_a_bad_cell_is_named(tmp_path: Path, good: str, bad: str, message: str) -> None:
    rows = ("LAN,7,SCL,MIA,2017-01-02 23:30,,", ON_TIME.replace(good, bad, 1))
    with pytest.raises(BadValueError, match=message):
        read(tmp_path, FLIGHTS + OPERATION, *rows)


def test_an_endless_delay_is_left_out_and_counted(tmp_path: Path) -> None:
    table = read(tmp_path, FLIGHTS + OPERATION, ON_TIME.replace(",3,", ",inf,"))
    assert (table.rows, table.flights.height, table.left_out[0].count) == (1, 0, 1)


@pytest.mark.parametrize(
    "outcome",
    ["Fecha-O", "Emp-O", "dep_time", "DepDelay", "ARR TIME", "arr-delay", "AirTime", "atd", "ATA",
     "actual_off", "wheels_off", "TaxiOut", "std_delay"],
)  # fmt: skip
def test_a_map_that_would_leak_the_outcome_is_refused_with_the_column(tmp_path: Path, outcome: str) -> None:
    leaking = FLIGHTS + f'aircraft = "{outcome}"\n[operation]\ndeparted = "std_delay"\n'
    with pytest.raises(
        OutcomeAsFeatureError, match=rf"aircraft = '{outcome}' would describe a flight by its outcome"
    ):
        read(tmp_path, leaking, ON_TIME)


def test_a_column_cannot_be_both_schedule_and_operation(tmp_path: Path) -> None:
    with pytest.raises(OutcomeAsFeatureError, match=r"scheduled_departure = 'std'.*operation. uses it"):
        read(tmp_path, FLIGHTS + '[operation]\ndeparted = "std"', ON_TIME)


def test_the_calendar_of_the_operation_is_refused_only_beside_the_operation(tmp_path: Path) -> None:
    toml = FLIGHTS.replace('"std"', '{ date = "DIA", time = "std" }')
    row = "LAN,226,SCL,MIA,2017-01-01,2330"
    assert read(tmp_path, toml, row, header="carrier,number,from,to,DIA,std").rows == 1
    with pytest.raises(OutcomeAsFeatureError, match="'DIA'"):
        read(tmp_path, toml, row + ",x", header="carrier,number,from,to,DIA,std,Fecha-O")


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[flights]", "origin, destination, scheduled_departure are missing"),
        ("[flight]", "did you mean 'flights'"),
        (FLIGHTS + 'tial = "x"', "did you mean 'tail'"),
        (FLIGHTS + "tail = 3", "tail = '3'; expected \"a column\""),
        (FLIGHTS + 'tail = { constant = "N1" }', "expected \"a column\""),
        (FLIGHTS + '[operation]\ndeparted = "a"\ndelay_minutes = "b"', "both given"),
        (FLIGHTS + '[rules]\nlate = ">20"', "expected one of '>15', '>=15'"),
        (FLIGHTS + '[rules]\nduplicates = "maybe"', "expected one of 'refuse', 'first', 'keep'"),
        (FLIGHTS + '[rules]\nmissing_departure_is_cancelled = 1', "expected bool"),
        (FLIGHTS + '[rules]\nseparator = ";;"', "expected one ASCII character"),
        (FLIGHTS + '[airports]\nXYZ = "QQQQ"', "correct the alias"),
        ("[flights", "it is not TOML"),
        ("flights = 1", "expected a section"),
    ],
)  # fmt: skip
def test_a_map_that_makes_no_sense_is_refused(tmp_path: Path, toml: str, message: str) -> None:
    with pytest.raises(MapError, match=message):
        read(tmp_path, toml, ON_TIME)


def test_a_table_needs_its_file_and_its_map(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="--data PATH"):
        read_flights("table")
    with pytest.raises(MapError, match=r"--map FILE.toml"):
        read_flights("table", tmp_path / "mine.csv")


def test_a_flight_that_stands_twice_is_refused_or_its_first_row_kept(tmp_path: Path) -> None:
    twice = (ON_TIME, ON_TIME.replace(",3,", ",9,"))
    with pytest.raises(DuplicateFlightError, match="line 2 and line 3"):
        read(tmp_path, FLIGHTS + OPERATION, *twice)
    first = read(tmp_path, FLIGHTS + OPERATION + '[rules]\nduplicates = "first"', *twice)
    assert (first.rows, first.flights.height, first.left_out[0].count) == (2, 1, 1)
    assert first.flights["departed"].item() == datetime(2017, 1, 1, 23, 33)
    assert read(tmp_path, FLIGHTS + OPERATION + '[rules]\nduplicates = "keep"', *twice).flights.height == 2


def test_parquet_is_read_with_its_own_types_and_a_truncated_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(FLIGHTS + OPERATION)
    row = {
        "carrier": "LA",
        "number": 226.0,
        "from": "SCL",
        "to": "MIA",
        "std": datetime(2017, 1, 1),
        "delay": 3,
        "off": 0,
    }
    file = tmp_path / "mine.parquet"
    pl.DataFrame([row]).write_parquet(file)
    flight = read_flights("table", file, tmp_path / "map.toml").flights.row(0, named=True)
    assert (flight["flight_number"], flight["departed"]) == ("226", datetime(2017, 1, 1, 0, 3))
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(TableError, match="its end is missing"):
        read_flights("table", file, tmp_path / "map.toml")


@pytest.mark.parametrize("cell", ["=cmd|' /C calc'!A0", "\x01\x7f", "x" * 200, "ñ🛫", '""quoted""'])
def test_hostile_text_is_only_text(tmp_path: Path, cell: str) -> None:
    table = read(tmp_path, FLIGHTS, f'"{cell}",1,SCL,MIA,2017-01-01 10:00,,')
    assert table.flights["airline"].item() == cell.replace('""', '"').upper()
    with pytest.raises(PuntualError) as refused:
        read(tmp_path, FLIGHTS, f'LA,1,"{cell}",MIA,2017-01-01 10:00,,')
    assert len(str(refused.value)) < 600


def test_a_nul_which_no_database_keeps_is_refused_by_row_and_column(tmp_path: Path) -> None:
    with pytest.raises(BadValueError, match=r"line 2, column 'carrier'.*expected a text without a NUL"):
        read(tmp_path, FLIGHTS, "L\0A,1,SCL,MIA,2017-01-01 10:00,,")


def test_a_text_that_nobody_writes_is_refused_and_shown_in_part(tmp_path: Path) -> None:
    with pytest.raises(BadValueError, match="expected a text of at most 200 characters") as refused:
        read(tmp_path, FLIGHTS, f"{'x' * 200_000},1,SCL,MIA,2017-01-01 10:00,,")
    assert len(str(refused.value)) < 600


def test_flights_that_end_where_they_begin_are_kept_and_counted_with_the_first_row(tmp_path: Path) -> None:
    round_trips = "LA,1,SCL,SCEL,2017-01-03 10:00,,", "LA,2,JFK,KJFK,2017-01-02 10:00,,"
    table = read(tmp_path, FLIGHTS, ON_TIME, *round_trips)
    assert table.flights.height == 3
    (note,) = table.notes
    assert note == (
        "flights whose destination is their origin, which are kept: 2 (line 3: LA 1 SCL–SCL 2017-01-03 10:00:00)"
    )


words = st.text(string.ascii_uppercase + string.digits + ',;"\n ñÉ', min_size=1, max_size=6).filter(
    lambda t: t.strip() == t
)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)).map(
    lambda time: time.replace(second=0, microsecond=0)
)
known = st.sampled_from(["SCL", "JFK", "LIM", "00AA"])
flights = st.tuples(
    words, words, known, known, moments, st.none() | st.integers(-1000, 9000), st.none() | st.booleans()
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(flights, min_size=1, max_size=8, unique_by=lambda row: (row[0].upper(), *row[1:5])))
def test_what_is_written_is_read_back(tmp_path: Path, rows: list[tuple[object, ...]]) -> None:
    written = pl.DataFrame(rows, schema=HEADER.split(","), orient="row", infer_schema_length=None)
    written = written.with_columns(pl.col("delay").cast(pl.Int64), pl.col("off").cast(pl.Boolean))
    written.write_csv(tmp_path / "mine.csv", datetime_format="%Y-%m-%d %H:%M")
    (tmp_path / "map.toml").write_text(FLIGHTS + OPERATION)
    table = read_flights("table", tmp_path / "mine.csv", tmp_path / "map.toml")
    back = written[table.records.to_list()]
    assert table.rows == table.flights.height + sum(gone.count for gone in table.left_out) == len(rows)
    assert table.flights["airline"].to_list() == [str(word).upper() for word in back["carrier"]]
    assert table.flights["flight_number"].to_list() == [
        clean_flight_number(number, carrier) for number, carrier in back.select("number", "carrier").rows()
    ]
    assert table.flights["scheduled_departure"].to_list() == back["std"].to_list()
