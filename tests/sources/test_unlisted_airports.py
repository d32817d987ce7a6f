"""Airports by former codes, and airports that nobody lists, in tables of every source."""

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from puntual.cli import main
from puntual.errors import MapError, UnknownAirportError
from puntual.registry import Bundle, to_bytes
from puntual.sources import FlightTable, read_flights, read_plain
from puntual.training.ablation import describe_flights
from real_tables import SANTIAGO, needs_santiago

HEADER = "Fecha-I,Vlo-I,Ori-I,Des-I,Emp-I,Fecha-O"
ROW = "2017-10-01 08:00:00,{number},{origin},{destination},LAN,2017-10-01 08:20:00"


def row(number: int, destination: str, origin: str = "SCEL") -> str:
    return ROW.format(number=number, destination=destination, origin=origin)


def scl(folder: Path, *rows: str, toml: str = "") -> FlightTable:
    (folder / "scl.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    (folder / "map.toml").write_text(toml)
    return read_flights("scl", folder / "scl.csv", folder / "map.toml" if toml else None)


def test_a_former_code_is_the_airport_of_today(tmp_path: Path) -> None:
    table = scl(tmp_path, row(1, "SEQU"), row(2, "SEQM"), row(3, "UIO"))
    assert table.flights["destination"].to_list() == ["UIO"] * 3
    assert table.notes == ()


def test_a_code_that_nobody_lists_keeps_its_flight_and_is_noted_with_its_first_row(tmp_path: Path) -> None:
    table = scl(tmp_path, row(1, "SPJC"), row(2, "qqqq"), row(3, "QQQQ"))
    assert table.flights["destination"].to_list() == ["LIM", "QQQQ", "QQQQ"]
    (note,) = table.notes
    assert note.startswith("airport 'QQQQ' is listed neither by IATA nor by ICAO")
    assert note.endswith("border: 2 (line 3: LAN 2 SCL–QQQQ 2017-10-01 08:00:00)")


def test_many_such_airports_are_noted_up_to_twenty_and_the_rest_counted(tmp_path: Path) -> None:
    table = scl(tmp_path, *(row(number, f"QQ{number}") for number in range(10, 35)))
    assert len(table.notes) == 21
    assert table.notes[-1] == "5 more airports are listed neither by IATA nor by ICAO"


def test_an_origin_that_nobody_lists_needs_a_time_zone_and_says_so(tmp_path: Path) -> None:
    with pytest.raises(
        UnknownAirportError, match=r"line 2, column 'Ori-I': airport 'QQQQ'.*time zone is not known.*--map"
    ):
        scl(tmp_path, row(1, "SPJC", origin="QQQQ"))
    table = scl(
        tmp_path, row(1, "SPJC", origin="QQQQ"), toml='[airports]\nqqqq = { time_zone = "America/Lima" }'
    )
    assert table.flights.select("origin", "time_zone").row(0) == ("QQQQ", "America/Lima")
    alias = scl(tmp_path, row(1, "SPJC", origin="QQQQ"), toml='[airports]\nQQQQ = "SCL"')
    assert alias.flights.select("origin", "time_zone").row(0) == ("SCL", "America/Santiago")


def test_a_plain_table_takes_the_time_zone_of_such_an_origin_from_who_knows_it() -> None:
    text = b"airline,flight_number,origin,destination,scheduled_departure\nLA,1,QQQ,MIA,2017-10-01 10:00\n"
    with pytest.raises(
        UnknownAirportError, match=r"line 2, column 'origin': airport 'QQQ'.*time zone.*--source table"
    ):
        read_plain(text, "f", ".csv")
    flights = read_plain(text, "f", ".csv", time_zones={"QQQ": "America/Lima"}).flights
    assert flights["time_zone"].to_list() == ["America/Lima"]


def test_an_arrival_by_the_clock_of_an_unlisted_airport_stays_unknown_unless_the_map_has_its_zone(
    tmp_path: Path,
) -> None:
    (tmp_path / "t.csv").write_text(
        "al,no,to,std,sta\nLA,1,QQQ,2017-10-01 22:00,0130\nLA,2,MIA,2017-10-01 22:00,0500\n"
    )
    columns = """
    [flights]
    airline = "al"
    flight_number = "no"
    origin = { constant = "SCL" }
    destination = "to"
    scheduled_departure = "std"
    scheduled_arrival = { time = "sta" }
    """
    zone = '[airports]\nQQQ = { time_zone = "America/Lima" }'
    arrivals = []
    for toml in (columns, columns + zone):
        (tmp_path / "map.toml").write_text(toml)
        flights = read_flights("table", tmp_path / "t.csv", tmp_path / "map.toml").flights
        arrivals.append(flights.sort("flight_number")["scheduled_arrival"].to_list())
    assert arrivals == [
        [None, datetime(2017, 10, 2, 5)],
        [datetime(2017, 10, 2, 1, 30), datetime(2017, 10, 2, 5)],
    ]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('QQQ = { time_zone = "Chile/Santiago" }', "expected a listed code, or"),
        ('QQQ = { zone = "America/Lima" }', "expected a listed code, or"),
        ('SCL = { time_zone = "America/Lima" }', "that neither IATA nor ICAO lists"),
        ('ATLANTIS = { time_zone = "America/Lima" }', "three or four letters and digits"),
        ("QQQ = 3", "correct the alias"),
    ],
)
def test_an_entry_that_cannot_be_is_refused(tmp_path: Path, entry: str, message: str) -> None:
    with pytest.raises(MapError, match=message):
        scl(tmp_path, row(1, "SPJC"), toml=f"[airports]\n{entry}")


def test_predict_answers_for_such_airports_and_tells_of_them_and_of_rows_left_out(
    made_bundle: Bundle, tmp_path: Path
) -> None:
    version, content = to_bytes(made_bundle)
    (tmp_path / f"{version}.puntual").write_bytes(content)
    rows = (
        "AA,1,JFK,QQQQ,2023-04-22 09:30",
        "AA,2,JFK,SEQU,2023-04-22 09:30",
        "AA,3,JFK,BOS,9999-12-31 09:30",
    )
    header = "airline,flight_number,origin,destination,scheduled_departure"
    (tmp_path / "asked.csv").write_text("\n".join([header, *rows]) + "\n")
    words = ["predict", str(tmp_path / "asked.csv"), "--bundle", str(tmp_path / f"{version}.puntual")]
    refused = CliRunner().invoke(main, [*words, "-o", "-"])
    assert (
        refused.exit_code == 1
        and "line 4, column 'scheduled_departure': '9999-12-31 09:30'" in refused.stderr
    )
    ended = CliRunner().invoke(main, [*words, "-o", str(tmp_path / "p.csv"), "--bad-rows", "leave_out"])
    assert ended.exit_code == 0, ended.output
    assert pl.read_csv(tmp_path / "p.csv")["destination"].to_list() == ["QQQQ", "UIO"]
    assert "left out: 1 (column 'scheduled_departure' cannot be read" in ended.stderr
    assert "airport 'QQQQ' is listed neither" in ended.stderr


def test_the_ablation_calls_a_flight_to_such_an_airport_neither_domestic_nor_international(
    tmp_path: Path,
) -> None:
    table = scl(tmp_path, row(1, "SCFA"), row(2, "SPJC"), row(3, "QQQQ"))
    assert describe_flights(table.flights)["kind"].to_list() == ["domestic", "international", "unknown"]


@needs_santiago
def test_the_real_table_of_santiago_is_read_whole() -> None:
    table = read_flights("scl", SANTIAGO)
    assert table.rows == table.flights.height in (49_736, 68_206)
    assert not any("listed neither" in note for note in table.notes)
