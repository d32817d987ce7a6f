"""Toward arrivals, a table tells the delay on arrival, who never arrived, and when either was known."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from flights_made import as_flight_table, flights_of
from puntual.errors import TableError
from puntual.features.from_frame import operations_of
from puntual.flights.flight import LateRule, Target
from puntual.flights.schema import bands_of, delay_minutes, has_operation
from puntual.sources import FlightTable, read_flights, toward
from puntual.sources.observed import operations_of_table
from sources.bts_made import CALLED_OFF, flight, write_month


def table_of(
    *rows: dict[str, object], arrived: list[datetime | None], diverted: list[bool] | None = None
) -> FlightTable:
    table = as_flight_table(flights_of(*rows))
    return replace(
        table,
        arrived=pl.Series(arrived, dtype=pl.Datetime("us")),
        diverted=pl.Series(diverted if diverted else [False] * len(rows)),
    )


EVENING = {
    "scheduled_departure": datetime(2023, 1, 2, 22, 30),
    "scheduled_arrival": datetime(2023, 1, 2, 23, 45),
    "departed": datetime(2023, 1, 2, 22, 30),
}


def test_toward_departures_a_table_is_as_it_was() -> None:
    table = table_of(EVENING, arrived=[datetime(2023, 1, 2, 23, 50)])
    assert toward(table, Target.DEPARTURE).equals(table.flights.with_columns(arrived=table.arrived))
    assert toward(as_flight_table(table.flights), Target.DEPARTURE).equals(table.flights)


@pytest.mark.parametrize(("minutes", "band"), [(14, 0), (15, 1), (30, 2), (119, 3), (120, 4)])
def test_a_flight_is_late_by_its_arrival(minutes: int, band: int) -> None:
    arrived = datetime(2023, 1, 2, 23, 45) + timedelta(minutes=minutes)
    flights = toward(table_of(EVENING, arrived=[arrived]), Target.ARRIVAL)
    assert delay_minutes(flights).tolist() == [minutes]
    assert bands_of(flights, LateRule.FROM_15).tolist() == [band]


def test_cancelled_and_diverted_flights_never_arrived_and_fall_in_the_last_band() -> None:
    cancelled = EVENING | {"departed": None, "cancelled": True, "flight_number": "2"}
    table = table_of(EVENING, cancelled, arrived=[None, None], diverted=[True, False])
    flights = toward(replace(table, arrived=pl.Series([None, None], dtype=pl.Datetime("us"))), Target.ARRIVAL)
    assert bands_of(flights, LateRule.FROM_15).tolist() == [4, 4]
    assert has_operation(flights).to_list() == [True, True]
    assert operations_of(flights, LateRule.FROM_15)["departed"].tolist() == [0, 0]


def test_a_flight_of_which_nobody_says_whether_it_arrived_is_not_learnt_from() -> None:
    flights = toward(table_of(EVENING, arrived=[None]), Target.ARRIVAL)
    assert has_operation(flights).to_list() == [False]


def test_history_counts_an_arrival_on_the_day_that_it_landed_by_the_clocks_at_the_origin() -> None:
    # It leaves New York at 22:30 and lands in Los Angeles at 01:10 there, when it is 04:10 in New York.
    west = EVENING | {"destination": "LAX", "scheduled_arrival": datetime(2023, 1, 3, 1, 0)}
    # Lands in Boston at 23:58.
    table = table_of(
        EVENING | {"flight_number": "1"},
        west | {"flight_number": "2"},
        EVENING | {"flight_number": "3"},
        arrived=[datetime(2023, 1, 2, 23, 58), datetime(2023, 1, 3, 1, 10), datetime(2023, 1, 3, 0, 1)],
    )
    flights = toward(table, Target.ARRIVAL)
    assert flights["arrival_known"].to_list() == [
        datetime(2023, 1, 2, 23, 58),
        datetime(2023, 1, 3, 4, 10),
        datetime(2023, 1, 3, 0, 1),
    ]
    day = (datetime(2023, 1, 2) - datetime(1970, 1, 1)).days
    assert operations_of(flights, LateRule.FROM_15)["day"].tolist() == [day, day + 1, day + 1]
    assert operations_of(toward(table, Target.DEPARTURE), LateRule.FROM_15)["day"].tolist() == [day] * 3


def test_a_landing_in_a_zone_ahead_is_not_taken_as_later_than_it_was() -> None:
    # 06:30 in London is 01:30 in New York.
    east = EVENING | {"destination": "LHR", "scheduled_departure": datetime(2023, 1, 2, 18, 30)}
    east |= {"departed": datetime(2023, 1, 2, 18, 30), "scheduled_arrival": datetime(2023, 1, 3, 6, 30)}
    flights = toward(table_of(east, arrived=[datetime(2023, 1, 3, 6, 30)]), Target.ARRIVAL)
    assert flights["arrival_known"].to_list() == [datetime(2023, 1, 3, 1, 30)]


def test_a_diversion_is_known_hours_after_the_flight_was_due() -> None:
    flights = toward(table_of(EVENING, arrived=[None], diverted=[True]), Target.ARRIVAL)
    assert flights["arrival_known"].to_list() == [datetime(2023, 1, 3, 2, 45)]


def test_what_an_airport_looks_like_now_stays_a_matter_of_departures() -> None:
    late = EVENING | {"departed": datetime(2023, 1, 2, 23, 0)}
    table = table_of(late, arrived=[datetime(2023, 1, 2, 23, 45)])
    for target in Target:
        operations = operations_of_table(toward(table, target), LateRule.FROM_15)
        assert (operations.late.tolist(), operations.delay_seconds.tolist()) == ([True], [1800])


def test_a_table_without_arrivals_is_refused() -> None:
    with pytest.raises(TableError, match=r"tells no arrivals.*use --target departure"):
        toward(as_flight_table(flights_of(EVENING)), Target.ARRIVAL)


def test_the_united_states_record_is_learnt_from_by_arrivals(tmp_path: Path) -> None:
    rows = [
        flight(CRSDepTime="0700", ArrDelay="40.00"),
        flight(CRSDepTime="0800", Diverted="1.00", ArrTime="", ArrDelay=""),
        flight(CRSDepTime="0900", **CALLED_OFF),
    ]
    flights = toward(read_flights("bts", write_month(tmp_path, rows)), Target.ARRIVAL)
    assert bands_of(flights, LateRule.FROM_15).tolist() == [2, 4, 4]


def test_your_own_table_says_who_was_diverted(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(
        '[flights]\norigin = "from"\ndestination = "to"\nscheduled_departure = "std"\nscheduled_arrival = "sta"\n'
        '[operation]\ndeparted = "atd"\narrived = "ata"\ndiverted = "elsewhere"\n'
    )
    (tmp_path / "flights.csv").write_text(
        "from,to,std,sta,atd,ata,elsewhere\n"
        "JFK,BOS,2023-01-02 08:00,2023-01-02 09:00,2023-01-02 08:00,2023-01-02 09:20,no\n"
        "JFK,BOS,2023-01-02 09:00,2023-01-02 10:00,2023-01-02 09:00,,yes\n"
    )
    flights = toward(read_flights("table", tmp_path / "flights.csv", tmp_path / "map.toml"), Target.ARRIVAL)
    assert bands_of(flights, LateRule.FROM_15).tolist() == [1, 4]
