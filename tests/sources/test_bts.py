"""The United States' record is read as it is published, under all names that its columns have had."""

import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from puntual.errors import BadValueError, MissingColumnError, TableError, UnknownAirportError
from puntual.flights.flight import LateRule
from puntual.flights.schema import SCHEMA
from puntual.sources import FlightTable, read_flights
from real_tables import FOLDER
from sources.bts_made import (
    CALLED_OFF,
    FORM,
    HEADER,
    TEXTS,
    YEARLY,
    as_published,
    flight,
    monthly_csv,
    renamed_csv,
    write_month,
)

NEW_YORK, SEATTLE = FOLDER / "nyc2017_flights.parquet", FOLDER / "sea2015_both_ways_flights.parquet"


def read_one(folder: Path, **other: str) -> tuple[dict[str, object], FlightTable]:
    table = read_flights("bts", write_month(folder, [flight(**other)]))
    return table.flights.row(0, named=True), table


def test_a_month_is_read_as_it_is_published(tmp_path: Path) -> None:
    assert len(HEADER) == 109
    only, table = read_one(tmp_path)
    assert (only["airline"], only["flight_number"], only["tail"]) == ("AA", "1545", "N14228")
    assert (only["origin"], only["destination"], only["cancelled"]) == ("JFK", "SFO", False)
    assert only["scheduled_departure"] == datetime(2017, 1, 3, 9, 0)
    assert only["departed"] == datetime(2017, 1, 3, 9, 10)
    assert only["scheduled_arrival"] == datetime(2017, 1, 3, 12, 30)
    assert table.arrived is not None and table.arrived.to_list() == [datetime(2017, 1, 3, 12, 25)]
    assert (table.source, table.late_rule, table.rows) == ("bts", LateRule.FROM_15, 1)


def test_what_stands_in_the_other_columns_changes_nothing(tmp_path: Path) -> None:
    expected, _ = read_one(tmp_path)
    plain = flight()
    filled = plain | {name: 'a, "" b' if name in TEXTS else "7.00" for name in HEADER if name not in plain}
    assert len(filled) == 109
    only, table = read_one(tmp_path, **filled)
    assert only == expected
    assert table.arrived is not None and table.arrived.to_list() == [datetime(2017, 1, 3, 12, 25)]


def in_lower_case(text: str) -> str:
    header, _, lines = text.partition("\n")
    return f"{header.lower()}\n{lines}"


def with_quoted_end(text: str) -> str:
    """The column that has no name, quoted in header and rows."""
    return "".join(f'{line}""\n' for line in text.splitlines())


def without_end(text: str) -> str:
    return "".join(f"{line.removesuffix(',')}\n" for line in text.splitlines())


def renamed(text: str, role: str) -> str:
    """What the table by marketing carrier calls the same columns of who sells a flight, or of who flies it."""
    names = {
        '"Reporting_Airline"': '"Marketing_Airline_Network"'
        if role == "Marketing"
        else '"Operating_Airline "',
        "Flight_Number_Reporting_Airline": f"Flight_Number_{role}_Airline",
        "IATA_CODE_Reporting_Airline": f"IATA_Code_{role}_Airline",
        "DOT_ID_Reporting_Airline": f"DOT_ID_{role}_Airline",
    }
    for name, other in names.items():
        text = text.replace(name, other)
    return text


def sold_by_another(text: str) -> str:
    """Who sells the flight stands first, under its own number, and who flies it further on."""
    header, *lines = renamed(text, "Operating").splitlines()
    sold = [f'"Marketing_Airline_Network","Flight_Number_Marketing_Airline",{header}']
    return "\n".join(sold + [f'"UA","9000",{line}' for line in lines]) + "\n"


def sold_by_its_own(text: str) -> str:
    return renamed(text, "Marketing")


@pytest.mark.parametrize(
    "write", [in_lower_case, with_quoted_end, without_end, sold_by_another, sold_by_its_own]
)
def test_a_month_in_another_dress_holds_the_same_flights(tmp_path: Path, write: Callable[[str], str]) -> None:
    rows = pl.DataFrame(
        [
            flight(),
            flight(CRSDepTime="2400", DepTime="2400", DepDelay="0.00"),
            flight(CRSDepTime="1000", **CALLED_OFF),
        ]
    )
    (tmp_path / "month.csv").write_text(write(monthly_csv(rows)))
    expected = read_flights("bts", write_month(tmp_path, rows))
    table = read_flights("bts", tmp_path / "month.csv")
    assert table.flights.equals(expected.flights)
    assert table.arrived is not None and table.arrived.equals(expected.arrived)


def test_2400_is_the_midnight_that_ends_the_day(tmp_path: Path) -> None:
    only, _ = read_one(tmp_path, CRSDepTime="2400", DepTime="2400", DepDelay="0.00", CRSArrTime="0330")
    assert only["scheduled_departure"] == only["departed"] == datetime(2017, 1, 4, 0, 0)
    assert only["scheduled_arrival"] == datetime(2017, 1, 4, 3, 30)


def test_a_departure_after_midnight_is_dated_by_its_schedule(tmp_path: Path) -> None:
    only, _ = read_one(tmp_path, CRSDepTime="2350", DepTime="0040", DepDelay="50.00")
    assert only["departed"] == datetime(2017, 1, 4, 0, 40)


def test_a_departure_more_than_a_day_behind_is_dated_by_its_delay(tmp_path: Path) -> None:
    only, _ = read_one(tmp_path, DepTime="0930", DepDelay="1470.00")
    assert only["departed"] == datetime(2017, 1, 4, 9, 30)


def test_a_departure_without_a_delay_is_dated_by_the_clock(tmp_path: Path) -> None:
    late, _ = read_one(tmp_path, CRSDepTime="2350", DepTime="0040", DepDelay="")
    assert late["departed"] == datetime(2017, 1, 4, 0, 40)
    early, _ = read_one(tmp_path, CRSDepTime="0005", DepTime="2358", DepDelay="")
    assert early["departed"] == datetime(2017, 1, 2, 23, 58)


@pytest.mark.parametrize(
    ("other", "arrival"),
    [
        pytest.param(
            {"Origin": "SFO", "Dest": "JFK", "CRSDepTime": "2230", "CRSArrTime": "0705"},
            datetime(2017, 1, 4, 7, 5),
            id="a redeye",
        ),
        pytest.param(
            {"Origin": "GUM", "Dest": "HNL", "CRSDepTime": "0700", "CRSArrTime": "1820"},
            datetime(2017, 1, 2, 18, 20),
            id="across the date line to yesterday",
        ),
        pytest.param(
            {"Origin": "HNL", "Dest": "GUM", "CRSDepTime": "1515", "CRSArrTime": "1905"},
            datetime(2017, 1, 4, 19, 5),
            id="across the date line to tomorrow",
        ),
        pytest.param(
            {
                "FlightDate": "2017-03-11",
                "Origin": "SEA",
                "Dest": "JFK",
                "CRSDepTime": "2300",
                "CRSArrTime": "0725",
            },
            datetime(2017, 3, 12, 7, 25),
            id="through the night in which clocks go forward",
        ),
        pytest.param(
            {
                "FlightDate": "2017-03-12",
                "Origin": "PHX",
                "Dest": "LAX",
                "CRSDepTime": "0600",
                "CRSArrTime": "0620",
            },
            datetime(2017, 3, 12, 6, 20),
            id="between clocks that change and clocks that do not",
        ),
    ],
)
def test_an_arrival_is_dated_by_the_clocks_at_both_ends(
    tmp_path: Path, other: dict[str, str], arrival: datetime
) -> None:
    only, table = read_one(tmp_path, **other)
    assert only["scheduled_arrival"] == arrival
    assert table.arrived is not None
    assert (table.arrived[0] - arrival).total_seconds() == -5 * 60


def test_a_cancelled_flight_never_left_and_a_diverted_one_never_arrived(tmp_path: Path) -> None:
    rows = [
        flight(**CALLED_OFF, CancellationCode="B", Tail_Number=""),
        flight(CRSDepTime="1000", Diverted="1.00", ArrTime="1900", ArrDelay=""),
    ]
    table = read_flights("bts", write_month(tmp_path, rows))
    cancelled, diverted = table.flights.iter_rows(named=True)
    assert (cancelled["cancelled"], cancelled["departed"], cancelled["tail"]) == (True, None, None)
    assert (diverted["cancelled"], diverted["departed"]) == (False, datetime(2017, 1, 3, 10, 10))
    assert table.arrived is None
    assert table.diverted is not None and table.diverted.to_list() == [False, True]
    assert "1 flights were diverted: they left, and never arrived" in table.notes


@pytest.mark.parametrize("tail", ["UNKNOW", "\u00e4NKNO\u00e6", "000000"])
def test_a_tail_that_was_not_reported_is_unknown(tmp_path: Path, tail: str) -> None:
    path = tmp_path / "2001.csv"
    path.write_bytes(monthly_csv(pl.DataFrame([flight(Tail_Number=tail)])).encode("latin-1"))
    assert read_flights("bts", path).flights["tail"].to_list() == [None]


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda rows: renamed_csv(rows, YEARLY), id="yearly"),
        pytest.param(lambda rows: renamed_csv(rows, FORM), id="form"),
        pytest.param(
            lambda rows: renamed_csv(
                rows,
                FORM
                | {
                    "Reporting_Airline": "UNIQUE_CARRIER",
                    "FlightDate": "FL_DATE",
                    "Flight_Number_Reporting_Airline": "FL_NUM",
                },
            ),
            id="form of before 2018",
        ),
        pytest.param(
            lambda rows: renamed_csv(rows.with_columns(FlightDate=pl.lit("1/3/2017 12:00:00 AM")), FORM),
            id="form of since 2020",
        ),
        pytest.param(
            lambda rows: (
                monthly_csv(rows)
                .replace("IATA_CODE_Reporting_Airline", "Carrier")
                .replace("Flight_Number_Reporting_Airline", "FlightNum")
                .replace("DOT_ID_Reporting_Airline", "AirlineID")
                .replace("Reporting_Airline", "UniqueCarrier")
                .replace("Tail_Number", "TailNum")
            ),
            id="month of before 2018",
        ),
    ],
)
def test_other_names_of_the_columns_give_the_same_flights(
    tmp_path: Path, write: Callable[[pl.DataFrame], str]
) -> None:
    rows = pl.DataFrame([flight(), flight(CRSDepTime="2359", **CALLED_OFF)])
    (tmp_path / "other.csv").write_text(write(rows))
    expected = read_flights("bts", write_month(tmp_path, rows))
    table = read_flights("bts", tmp_path / "other.csv")
    assert table.flights.equals(expected.flights)
    assert table.arrived is not None and table.arrived.equals(expected.arrived)


def test_coming_flights_need_no_columns_of_the_operation(tmp_path: Path) -> None:
    timetable = pl.DataFrame([flight()]).drop(
        "DepTime", "DepDelay", "ArrTime", "ArrDelay", "Cancelled", "Diverted"
    )
    (tmp_path / "coming.csv").write_text(renamed_csv(timetable, FORM))
    coming = read_flights("bts", tmp_path / "coming.csv", operated=False)
    assert coming.flights.select("departed", "cancelled").row(0) == (None, None)
    assert coming.given is not None and "OP_CARRIER_FL_NUM" in coming.given.columns
    with pytest.raises(MissingColumnError, match=r"coming.csv: column 'Cancelled' is missing"):
        read_flights("bts", tmp_path / "coming.csv")


def test_a_clock_that_is_none_is_named_by_its_line(tmp_path: Path) -> None:
    path = write_month(tmp_path, [flight(), flight(CRSDepTime="2460")])
    with pytest.raises(BadValueError, match=r"\.zip, line 3, column 'CRSDepTime': '2460' cannot be read"):
        read_flights("bts", path)


def test_a_record_that_is_cut_off_is_named_by_its_line(tmp_path: Path) -> None:
    text = monthly_csv(pl.DataFrame([flight(), flight(CRSDepTime="1000")]))
    (tmp_path / "cut.csv").write_text(text[: text.rindex("1000")])
    with pytest.raises(TableError, match=r"cut.csv, line 3"):
        read_flights("bts", tmp_path / "cut.csv")


def test_an_archive_with_several_tables_or_none_is_refused(tmp_path: Path) -> None:
    for members in (["a.csv", "b.csv"], ["readme.html"]):
        with zipfile.ZipFile(tmp_path / "year.zip", "w") as archive:
            for member in members:
                archive.writestr(member, "x")
        with pytest.raises(TableError, match=rf"year.zip: it holds {members.count('a.csv') * 2} CSV files"):
            read_flights("bts", tmp_path / "year.zip")


OCTOBER = {"FlightDate": "2015-10-01", "Origin": "12478", "Dest": "14771"}


def test_ids_in_the_place_of_airports_are_looked_up_in_the_publishers_table(tmp_path: Path) -> None:
    rows = pl.DataFrame([flight(FlightDate="2015-09-30"), flight(**OCTOBER)])
    (tmp_path / "flights.csv").write_text(renamed_csv(rows, YEARLY))
    (tmp_path / "T_MASTER_CORD.csv").write_text(
        '"AIRPORT_SEQ_ID","AIRPORT_ID","AIRPORT","AIRPORT_IS_LATEST",\n'
        '"1247801","12478","IDL",0,\n"1247805","12478","JFK",1,\n"1477104","14771","SFO",1,\n'
    )
    for data in (tmp_path, tmp_path / "flights.csv"):
        flights = read_flights("bts", data).flights
        assert flights.select("origin", "destination").rows() == [("JFK", "SFO"), ("JFK", "SFO")]


def test_ids_that_nobody_explains_are_refused_with_a_remedy_and_taken_by_a_map(tmp_path: Path) -> None:
    (tmp_path / "flights.csv").write_text(renamed_csv(pl.DataFrame([flight(**OCTOBER)]), YEARLY))
    with pytest.raises(
        UnknownAirportError, match=r"'12478'.*T_MASTER_CORD.csv beside the file.*\[airports\]"
    ):
        read_flights("bts", tmp_path / "flights.csv")
    (tmp_path / "map.toml").write_text('[airports]\n12478 = "JFK"\n14771 = "SFO"\n')
    table = read_flights("bts", tmp_path / "flights.csv", tmp_path / "map.toml")
    assert table.flights.select("origin", "destination").row(0) == ("JFK", "SFO")


def test_without_data_the_source_says_what_to_name() -> None:
    with pytest.raises(TableError, match="expected --data PLACE"):
        read_flights("bts")


@pytest.mark.parametrize("path", [NEW_YORK, SEATTLE], ids=["new york", "seattle"])
def test_real_flights_are_read_as_from_where_they_came(path: Path, tmp_path: Path) -> None:
    if not path.is_file():
        pytest.skip(f"{path.name} is not there")
    months = pl.read_parquet(path).filter(pl.col("month").is_in([3, 11]))
    for month in (3, 11):
        write_month(tmp_path, as_published(months.filter(pl.col("month") == month)), month=month)
    months.write_parquet(tmp_path / "same.parquet")
    expected = read_flights("nyc", tmp_path / "same.parquet")
    table = read_flights("bts", tmp_path / "*.zip")
    same = [name for name in SCHEMA.names() if name != "aircraft"]
    assert table.flights.select(same).equals(expected.flights.select(same))
    assert table.arrived is not None and table.arrived.equals(expected.arrived)
    assert table.diverted is not None and table.diverted.equals(expected.diverted)
