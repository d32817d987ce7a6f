"""A departure at a time that the clocks of its origin skip is refused by its row; one shown twice is the first."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from puntual.errors import BadValueError
from puntual.sources import BadRows, FlightTable, read_requested
from puntual.sources.times import local_time, shown_times

HEADER = "airline,flight_number,origin,destination,scheduled_departure"
GOOD = "LAN,226,SCL,MIA,2017-08-13 01:30"
# On 13 August 2017 the clocks of Santiago went from 0:00 to 1:00, and on 13 May from 24:00 back to 23:00.
SKIPPED = "LAN,227,SCL,MIA,2017-08-13 00:30"
TWICE = "LAN,228,SCL,MIA,2017-05-13 23:30"


def read(*rows: str, header: str = HEADER, **more: object) -> FlightTable:
    return read_requested("\n".join([header, *rows, ""]).encode(), "f", ".csv", **more)


def test_a_time_that_is_skipped_is_refused_by_its_row() -> None:
    with pytest.raises(BadValueError) as refused:
        read(GOOD, SKIPPED)
    assert str(refused.value) == (
        "f, line 3: flight LAN 227 SCL–MIA 2017-08-13 00:30:00 in America/Santiago: the clocks skip this time; "
        "expected one that they show; correct the cell, or leave the row out (--bad-rows leave_out)"
    )


def test_it_is_left_out_and_counted_where_bad_rows_are() -> None:
    table = read(GOOD, SKIPPED, bad_rows=BadRows.LEAVE_OUT)
    assert table.flights["flight_number"].to_list() == ["226"]
    (gone,) = table.left_out
    assert (gone.reason, gone.count) == (
        "departures that the clocks at their origin skip; expected times that they show",
        1,
    )


def test_in_the_words_of_the_santiago_table_it_is_the_same() -> None:
    with pytest.raises(BadValueError, match="line 2: flight LAN 227"):
        read("227,LAN,MIA,2017-08-13 00:30", header="Vlo-I,Emp-I,Des-I,Fecha-I")


def test_a_time_that_is_shown_twice_is_noted_with_its_row() -> None:
    assert read(GOOD, TWICE).notes == (
        "flights at a time that the clocks show twice that night, taken as the first: 1 "
        "(line 3: LAN 228 SCL–MIA 2017-05-13 23:30:00)",
    )


@pytest.mark.parametrize(
    "zone",
    ["America/Santiago", "America/New_York", "Europe/London", "Australia/Lord_Howe", "Africa/Casablanca"],
)
def test_a_whole_year_at_once_is_as_minute_by_minute(zone: str) -> None:
    clocks, begin = ZoneInfo(zone), datetime(2017, 1, 1)
    minutes = np.arange(0, 365 * 24 * 60, 10) + (begin - datetime(1970, 1, 1)) // timedelta(minutes=1)
    each = [
        local_time(datetime(1970, 1, 1) + timedelta(minutes=minute), clocks) for minute in minutes.tolist()
    ]
    shown = shown_times(minutes, clocks)
    assert shown.skipped.tolist() == [time is None for time in each]
    assert shown.twice.tolist() == [time is not None and time.twice for time in each]
    assert shown.skipped.any() and shown.twice.any()
