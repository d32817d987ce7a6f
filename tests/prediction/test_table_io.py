"""Flights come from Excel, and CSV as half the world writes it; predictions go out beside the file's own columns."""

from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result

from puntual.cli import main
from puntual.registry import Bundle

HEADER = "airline,flight_number,origin,destination,scheduled_departure,gate,note"
ROWS = ("AA,1,JFK,MIA,2023-04-20T10:30,B12,=1+1", "DL,989P,EWR,BOS,2023-04-20T18:05,-3,@sum")
DEPARTURES = [datetime(2023, 4, 20, 10, 30), datetime(2023, 4, 20, 18, 5)]


@pytest.fixture
def predict(made_registry: Path, made_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    Path("flights.csv").write_text("\n".join([HEADER, *ROWS, ""]))
    options = ["--registry", str(made_registry), "--bundle", made_bundle.version]

    def run(*words: str, status: int = 0) -> Result:
        result = CliRunner().invoke(main, ["predict", *words, *options])
        assert result.exit_code == status, result.output
        return result

    return run


@pytest.mark.parametrize("form", ["csv", "xlsx", "parquet", "json"])
def test_the_files_own_columns_are_kept_between_the_flights_and_their_predictions(predict, form):
    predict("flights.csv", "-o", f"out.{form}")
    readers = {"csv": pl.read_csv, "xlsx": pl.read_excel, "parquet": pl.read_parquet, "json": pl.read_json}
    table = readers[form](f"out.{form}")
    assert table["gate"].to_list() == ["B12", "-3"]
    assert table["flight_number"].to_list() == ["1", "989P"]
    assert table.columns.index("scheduled_departure") < table.columns.index("gate")
    assert table.columns.index("note") < table.columns.index("late_probability")


def test_figures_have_four_decimals_unless_they_are_to_be_exact(predict):
    predict("flights.csv", "-o", "short.csv")
    predict("flights.csv", "-o", "exact.csv", "--exact")
    short, exact = pl.read_csv("short.csv"), pl.read_csv("exact.csv")
    assert short["late_probability"].to_list() == exact["late_probability"].round(4).to_list()
    assert short["late_probability"].to_list() != exact["late_probability"].to_list()


def test_a_cell_that_begins_like_a_formula_is_text_to_a_spreadsheet_and_that_is_said(predict):
    result = predict("flights.csv", "-o", "out.csv")
    assert pl.read_csv("out.csv")["note"].to_list() == ["'=1+1", "'@sum"]
    assert "2 cells begin like a formula, and have an apostrophe before them" in result.stderr


def test_a_column_whose_name_begins_like_a_formula_is_text_to_a_spreadsheet_too(predict):
    rows = "\n".join(f"{row},{row}" for row in ROWS)
    Path("flights.csv").write_text(f"{HEADER},=a,'=a,b,c,d,e,f\n{rows}\n")
    result = predict("flights.csv", "-o", "out.csv")
    assert {"'=a", "''=a"} <= set(pl.read_csv("out.csv").columns)
    assert "5 cells begin like a formula" in result.stderr


@pytest.mark.parametrize("cell", ['"\n=1+1"', "＝1+1", "＋1-cmd", "＠sum"])
def test_a_formula_behind_a_new_line_or_in_full_width_is_text_to_a_spreadsheet(predict, cell):
    Path("flights.csv").write_text(f"{HEADER}\n{ROWS[0].removesuffix('=1+1')}{cell}\n", encoding="utf-8")
    predict("flights.csv", "-o", "out.csv")
    assert pl.read_csv("out.csv")["note"][0] == "'" + cell.strip('"')


def test_a_formula_goes_into_a_workbook_as_text_and_not_to_be_run(predict):
    predict("flights.csv", "-o", "out.xlsx")
    assert pl.read_excel("out.xlsx")["note"].to_list() == ["=1+1", "@sum"]


def test_a_workbook_is_read_as_the_same_table_in_csv_is(predict):
    pl.read_csv("flights.csv", try_parse_dates=True).write_excel("flights.xlsx")
    predict("flights.csv", "-o", "of_csv.csv")
    predict("flights.xlsx", "-o", "of_workbook.csv")
    both = [pl.read_csv(name).drop("gate") for name in ("of_csv.csv", "of_workbook.csv")]
    assert both[0].equals(both[1])


def test_a_table_with_semicolons_days_first_and_decimal_commas_goes_in_and_out(predict):
    text = Path("flights.csv").read_text().replace(",", ";").replace("2023-04-20T", "20/04/2023 ")
    Path("chile.csv").write_text(text)
    predict("chile.csv", "-o", "out.csv", "--decimal", ",", "--day-first")
    table = pl.read_csv("out.csv", separator=";", decimal_comma=True, try_parse_dates=True)
    assert table["scheduled_departure"].to_list() == DEPARTURES
    assert table["late_probability"].is_between(0, 1).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--separator", "ab"], "is not one character"),
        (["--separator", ",", "--decimal", ","], "are both ','"),
        (["--decimal", "x"], "'x' is not one of"),
    ],
)
def test_a_notation_that_cannot_be_is_a_wrong_call(predict, options, message):
    assert message in predict("flights.csv", "-o", "out.csv", *options, status=2).stderr


def test_what_is_no_workbook_says_so(predict):
    Path("flights.xlsx").write_text("no workbook")
    result = predict("flights.xlsx", "-o", "out.csv", status=1)
    assert "flights.xlsx: it cannot be read as an Excel workbook" in result.stderr


def test_an_ending_that_names_no_format_is_refused_before_anything_is_read(predict):
    assert (
        "out.ods: the ending '.ods' names no format"
        in predict("nowhere.csv", "-o", "out.ods", status=1).stderr
    )


MAP = """
[flights]
airline = "Cía"
flight_number = "Vuelo"
origin = { constant = "JFK" }
destination = "Destino"
scheduled_departure = { date = "Fecha", time = "Hora" }

[operation]
delay_minutes = "Atraso"

[rules]
day_first = true
separator = ";"
decimal = ","
"""


def test_a_map_says_that_days_come_first_and_that_decimals_have_a_comma(tmp_path):
    from puntual.sources import read_flights

    (tmp_path / "map.toml").write_text(MAP)
    rows = "Cía;Vuelo;Destino;Fecha;Hora;Atraso\nAA;1;MIA;20/04/2023;1030;2,5\nAA;2;MIA;01-05-2023;10:30;-1\n"
    (tmp_path / "flights.csv").write_text(rows)
    flights = read_flights("table", tmp_path / "flights.csv", tmp_path / "map.toml").flights
    assert flights["scheduled_departure"].to_list() == [
        datetime(2023, 4, 20, 10, 30),
        datetime(2023, 5, 1, 10, 30),
    ]
    assert flights["departed"].to_list() == [datetime(2023, 4, 20, 10, 32, 30), datetime(2023, 5, 1, 10, 29)]


def test_times_of_day_in_a_workbook_are_read(tmp_path):
    from puntual.sources import read_flights

    (tmp_path / "map.toml").write_text(MAP)
    table = pl.DataFrame(
        {"Cía": ["AA"], "Vuelo": [1.0], "Destino": ["MIA"], "Fecha": [datetime(2023, 4, 20).date()]}
    )
    table = table.with_columns(Hora=pl.time(10, 30), Atraso=2.5)
    table.write_excel(tmp_path / "flights.xlsx")
    flights = read_flights("table", tmp_path / "flights.xlsx", tmp_path / "map.toml").flights
    assert flights.select("flight_number", "scheduled_departure", "departed").row(0) == (
        "1",
        datetime(2023, 4, 20, 10, 30),
        datetime(2023, 4, 20, 10, 32, 30),
    )


def test_a_flight_is_the_same_one_however_its_number_is_written(predict, made_flights):
    airline, number, origin, destination = made_flights.select(HEADER.split(",")[:4]).row(0)
    written = (number, f"00{number}", f"{number}.0", f"{airline}{number}", f"{airline.lower()} 0{number}")
    rows = [
        f"{airline},{way},{origin},{destination},2023-04-20T10:3{minute}"
        for minute, way in enumerate(written)
    ]
    Path("flights.csv").write_text("\n".join([HEADER.removesuffix(",gate,note"), *rows, ""]))
    predict("flights.csv", "-o", "out.csv", "--as-of", "2023-04-20")
    table = pl.read_csv("out.csv")
    assert table["flight_number"].to_list() == [int(number)] * 5
    assert table["support_flight"].n_unique() == 1 and table["support_flight"][0] > 0


def test_a_departure_that_the_clocks_skip_is_refused_by_its_row_and_one_shown_twice_is_a_warning(predict):
    rows = ("AA,1,JFK,MIA,2023-11-05T01:30", "AA,2,JFK,MIA,2023-11-05T03:30", "AA,3,JFK,MIA,2023-03-12T02:30")
    Path("flights.csv").write_text("\n".join([HEADER.removesuffix(",gate,note"), *rows, ""]))
    refused = predict("flights.csv", "-o", "out.csv", status=1)
    assert "line 4: flight AA 3 JFK–MIA 2023-03-12 02:30:00 in America/New_York" in refused.stderr
    ended = predict("flights.csv", "-o", "out.csv", "--bad-rows", "leave_out")
    assert "departures that the clocks at their origin skip" in ended.stderr
    warnings = pl.read_csv("out.csv")["warnings"].fill_null("").to_list()
    assert ["time_occurs_twice" in codes.split(";") for codes in warnings] == [True, False]
