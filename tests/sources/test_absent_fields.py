"""A table that does not tell who flies, or under which number: those are unknown, and no one flight is another."""

from pathlib import Path

import polars as pl
import pytest

from puntual.errors import MissingColumnError
from puntual.sources import FlightTable, read_flights, read_plain, read_requested

ROWS = "SCL,MIA,2017-01-01 10:00,3\nSCL,MIA,2017-01-01 10:00,40\n"
REST = (
    'origin = "from"\ndestination = "to"\nscheduled_departure = "std"\n[operation]\ndelay_minutes = "delay"\n'
)


def read(folder: Path, flights: str) -> FlightTable:
    (folder / "map.toml").write_text(f"[flights]\n{flights}{REST}")
    (folder / "mine.csv").write_text(f"from,to,std,delay\n{ROWS}")
    return read_flights("table", folder / "mine.csv", folder / "map.toml")


@pytest.mark.parametrize(
    "flights",
    ["", 'airline = { constant = "LA" }\nflight_number = { constant = "0" }\n'],
    ids=["none", "constant"],
)
def test_an_airline_and_a_number_without_a_column_are_unknown_and_noted(tmp_path: Path, flights: str) -> None:
    table = read(tmp_path, flights)
    assert table.flights.select("airline", "flight_number").rows() == [(None, None)] * 2
    assert table.flights.schema["airline"] == pl.String
    assert table.notes == (
        "no column tells the airline, so it is unknown, and no history is counted by it",
        "no column tells the flight number, so it is unknown, and no history is counted by it",
    )


def test_two_departures_of_one_minute_are_two_flights_where_no_number_tells_them_apart(
    tmp_path: Path,
) -> None:
    table = read(tmp_path, "")
    assert (table.flights.height, table.left_out) == (2, ())


def test_flights_to_predict_may_lack_airline_and_number_and_a_misspelt_column_is_noted() -> None:
    table = read_requested(
        b"airlin,origin,destination,scheduled_departure\nLA,SCL,MIA,2017-01-01 10:00\n", "f", ".csv"
    )
    assert table.flights.select("airline", "flight_number").row(0) == (None, None)
    assert table.notes[0].startswith("column 'airlin' is not used; did you mean 'airline'")
    assert "no column tells the airline" in table.notes[1]


def test_a_timetable_needs_both() -> None:
    with pytest.raises(MissingColumnError, match="column 'airline' is missing"):
        read_plain(b"origin,destination,scheduled_departure\nSCL,MIA,2017-01-01 10:00\n", "f", ".csv")
