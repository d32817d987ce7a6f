"""Tables in the words of the Santiago table, of which some may be missing."""

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from puntual.cli import main
from puntual.errors import BadValueError, MissingColumnError, UnknownAirportError
from puntual.flights import airports
from puntual.registry import Bundle, to_bytes
from puntual.sources import FlightTable, read_plain, read_requested
from puntual.sources.scl_words import AIRLINES, CITIES, INTERNATIONAL, WORDS
from real_tables import SANTIAGO, needs_santiago

FIELDS = ["airline", "flight_number", "origin", "destination", "scheduled_departure"]


def read(*lines: str) -> FlightTable:
    return read_requested("\n".join(lines).encode(), "asked.csv", ".csv")


def row(*lines: str) -> tuple[object, ...]:
    return read(*lines).flights.select(*FIELDS, "month", "international").row(0)


def test_a_flight_told_in_full_is_one_of_puntuals_own() -> None:
    values = row("Fecha-I,Vlo-I,Ori-I,Des-I,Emp-I", "2017-10-03 23:30:00,989P,SCEL,KMIA,lan")
    assert values == ("LAN", "989P", "SCL", "MIA", datetime(2017, 10, 3, 23, 30), None, None)


def test_what_is_not_told_is_null_but_that_it_leaves_from_santiago() -> None:
    assert row("OPERA,TIPOVUELO,MES", "Sky Airline,N,3") == ("SKU", None, "SCL", None, None, 3, 0.0)
    assert row("SIGLADES,MES", "Lima,") == (None, None, "SCL", "LIM", None, None, None)


def test_codes_come_before_the_names_that_say_less() -> None:
    both = row("Des-I,Emp-I,OPERA,SIGLADES", "SAME,SKU,Copa Air,Lima")
    assert both[0] == "SKU" and both[3] == "MDZ"
    blank = row("Des-I,Emp-I,OPERA,SIGLADES", ",,Copa Air,Lima")
    assert blank[0] == "CMP" and blank[3] == "LIM"


@pytest.mark.parametrize(
    ("words", "cells"),
    [("OPERA", "Grupo LATAM"), ("OPERA", "Latin American Wings"), ("SIGLADES", "Buenos Aires")],
)
def test_a_name_of_several_is_not_guessed(words: str, cells: str) -> None:
    values = row(f"{words},MES", f"{cells},3")
    assert values[0] is None and values[3] is None


@pytest.mark.parametrize(
    ("words", "cell", "message"),
    [
        (
            "OPERA",
            "Aeroflot",
            "line 3, column 'OPERA': 'Aeroflot' cannot be read; expected one of Aerolineas",
        ),
        ("TIPOVUELO", "X", r"line 3, column 'TIPOVUELO': 'X' cannot be read; expected I \(international\)"),
        ("MES", "13", "line 3, column 'MES': '13' cannot be read; expected a month from 1 to 12"),
        ("MES", "0", "line 3, column 'MES'"),
        ("Fecha-I", "2017-02-30 10:00:00", "line 3, column 'Fecha-I'"),
    ],
)
def test_a_word_outside_the_known_values_is_named_by_its_line(words: str, cell: str, message: str) -> None:
    with pytest.raises(BadValueError, match=message):
        read(f"Vlo-I,{words}", "1,", f"2,{cell}")


def test_an_airport_that_is_none_is_named_by_its_line() -> None:
    with pytest.raises(UnknownAirportError, match="line 3, column 'Des-I': airport 'ATLANTIS'"):
        read("Vlo-I,Des-I", "1,", "2,Atlantis")


def test_puntuals_own_words_come_first_and_a_timetable_takes_no_others() -> None:
    with pytest.raises(MissingColumnError, match="column 'origin' is missing"):
        read("airline,OPERA", "AA,Sky Airline")
    with pytest.raises(MissingColumnError, match="column 'airline' is missing"):
        read_plain(b"OPERA\nSky Airline\n", "timetable.csv", ".csv")


def test_every_city_has_an_airport_that_is_listed_and_every_airline_one_operator() -> None:
    assert all(airports.find(code).code == code for code in CITIES.values())
    codes = [code for several in AIRLINES.values() for code in several]
    assert len(codes) == len(set(codes))
    assert len(AIRLINES) == 23


@pytest.fixture
def bundle_file(made_bundle: Bundle, tmp_path: Path) -> Path:
    version, content = to_bytes(made_bundle)
    (tmp_path / f"{version}.puntual").write_bytes(content)
    return tmp_path / f"{version}.puntual"


@pytest.mark.parametrize("form", ["csv", "json"])
def test_predict_takes_such_a_table_and_says_what_was_missing(
    bundle_file: Path, tmp_path: Path, form: str
) -> None:
    table = pl.DataFrame(
        {
            "Fecha-I": ["2023-04-22 09:30:00", None, "2023-04-22 07:00:00"],
            "Vlo-I": ["104", None, None],
            "Ori-I": ["KJFK", None, "KJFK"],
            "Des-I": ["KLAX", None, None],
            "Emp-I": ["AA", None, "AA"],
            "OPERA": [None, "Sky Airline", None],
            "MES": [None, 3, None],
        }
    )
    getattr(table, f"write_{form}")(tmp_path / f"asked.{form}")
    words = ["predict", str(tmp_path / f"asked.{form}"), "--bundle", str(bundle_file)]
    ended = CliRunner().invoke(main, [*words, "-o", str(tmp_path / "said.parquet")])
    assert ended.exit_code == 0, ended.output
    predicted = pl.read_parquet(tmp_path / "said.parquet")
    assert predicted["missing"].to_list() == [
        "",
        "flight_number destination scheduled_departure",
        "flight_number destination",
    ]
    assert predicted["timetable"].to_list() == ["typical", "unknown", "typical"]
    assert predicted["airline"].to_list() == ["AA", "SKU", "AA"]
    assert predicted["late_probability"].is_between(0, 1).all()


def test_a_table_told_in_full_is_predicted_as_in_our_own_words(bundle_file: Path, tmp_path: Path) -> None:
    (tmp_path / "words.csv").write_text(
        "Fecha-I,Vlo-I,Ori-I,Des-I,Emp-I\n2023-04-22 09:30:00,104,KJFK,KLAX,AA\n"
    )
    (tmp_path / "own.csv").write_text(
        "scheduled_departure,flight_number,origin,destination,airline\n2023-04-22 09:30:00,104,JFK,LAX,AA\n"
    )
    tables = []
    for name in ("words", "own"):
        words = ["predict", str(tmp_path / f"{name}.csv"), "--bundle", str(bundle_file), "-o", "-"]
        ended = CliRunner().invoke(main, words)
        assert ended.exit_code == 0, ended.output
        tables.append(pl.read_csv(ended.stdout.encode(), infer_schema=False))
    own_columns = ["Fecha-I", "Vlo-I", "Ori-I", "Des-I", "Emp-I"]
    assert tables[0].drop(own_columns).equals(tables[1])


@needs_santiago
def test_the_real_table_holds_these_words_and_no_others() -> None:
    table = pl.read_csv(SANTIAGO, infer_schema=False)
    assert set(WORDS) <= set(table.columns)
    assert set(table["TIPOVUELO"]) == set(INTERNATIONAL)
    flown = table.group_by("OPERA").agg(pl.col("Emp-I").unique())
    assert {name: set(codes) for name, codes in flown.iter_rows()} == {
        name: set(codes) for name, codes in AIRLINES.items()
    }
    usual = (
        table.group_by("SIGLADES")
        .agg(pl.col("Des-I").mode().first())
        .filter(pl.col("SIGLADES").is_in(list(CITIES)))
    )
    assert {city: airports.find(code).code for city, code in usual.iter_rows()} == CITIES
    whole = read_requested(SANTIAGO.read_bytes(), "real.csv", ".csv")
    assert whole.flights.height == table.height
    assert whole.flights.select(FIELDS).null_count().sum_horizontal().item() == 0
