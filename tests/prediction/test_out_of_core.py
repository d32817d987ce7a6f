"""A table too large for memory is predicted in parts: the same file comes out, and the same is said of it."""

from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result

from puntual.cli import main
from puntual.prediction import out_of_core, table_io
from puntual.registry import Bundle
from puntual.sources import pieces

FROM = datetime(2023, 4, 1)


@pytest.fixture
def predict(
    made_registry: Path,
    made_bundle: Bundle,
    made_flights: pl.DataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """Write flights.csv, and predict it with any words, once as a whole and once in parts."""
    monkeypatch.chdir(tmp_path)
    _awkward(made_flights).write_csv("flights.csv", datetime_format="%Y-%m-%dT%H:%M")
    options = ["--registry", str(made_registry), "--bundle", made_bundle.version]

    def run(output: str, *words: str, file: str = "flights.csv") -> Result:
        return CliRunner().invoke(main, ["predict", file, "-o", output, *words, *options])

    return run


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> Any:
    """From now on all tables are large: pieces of some dozens of flights, and no way to write them at once."""

    def patch() -> None:
        monkeypatch.setattr(out_of_core, "LARGE_BYTES", 0)
        monkeypatch.setattr(out_of_core, "LARGE_ROWS", 0)
        monkeypatch.setattr(out_of_core, "_PART", 50)
        monkeypatch.setattr(out_of_core, "_WINDOW", 64)
        monkeypatch.setattr(pieces, "PIECE_BYTES", 4_000)
        monkeypatch.setattr(pieces, "PIECE_ROWS", 100)
        monkeypatch.setattr(table_io, "_write_whole", None)

    return patch


def _awkward(flights: pl.DataFrame) -> pl.DataFrame:
    """Flights out of order, with a column of their own, some to nowhere that is listed, and some in a circle."""
    coming = flights.filter(pl.col("scheduled_departure") >= FROM).sort(
        "flight_number", "scheduled_departure"
    )
    place = pl.int_range(pl.len())
    unlisted, circle = pl.when(place % 97 == 5).then(pl.lit("QQQ")), pl.col("origin")
    return coming.select(
        "airline",
        "flight_number",
        "origin",
        unlisted.when(place % 89 == 7).then(circle).otherwise("destination").alias("destination"),
        "scheduled_departure",
        note=pl.when(place % 50 == 3).then(pl.lit("=1+1\nand more, of it")).otherwise(pl.lit("x")),
    )


@pytest.mark.parametrize(
    "words", [(), ("--exact", "--reasons"), ("--separator", ";"), ("--as-of", "2023-04-10")]
)
def test_a_csv_predicted_in_parts_is_the_same_to_the_byte(predict, in_parts, words) -> None:
    if ";" in words:
        text = Path("flights.csv").read_text()
        Path("flights.csv").write_text(text.replace("more, of", "more of").replace(",", ";"))
    whole = predict("whole.csv", *words)
    in_parts()
    parts = predict("parts.csv", *words)
    assert whole.exit_code == parts.exit_code == 0, parts.output
    assert Path("parts.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert _notes(parts) == _notes(whole) and len(_notes(whole)) >= 4


def test_parquet_in_and_out_has_the_same_rows(predict, in_parts) -> None:
    pl.read_csv("flights.csv", try_parse_dates=True).write_parquet("flights.parquet", row_group_size=150)
    whole = predict("whole.parquet", file="flights.parquet")
    in_parts()
    parts = predict("parts.parquet", file="flights.parquet")
    assert whole.exit_code == parts.exit_code == 0, parts.output
    assert pl.read_parquet("parts.parquet").equals(pl.read_parquet("whole.parquet"))
    assert _notes(parts) == _notes(whole)


def test_flights_of_which_not_everything_is_known_are_named_in_all_parts(predict, in_parts) -> None:
    pl.read_csv("flights.csv").drop("airline").write_csv("flights.csv")
    whole = predict("whole.csv")
    in_parts()
    assert predict("parts.csv").exit_code == whole.exit_code == 0
    assert pl.read_csv("whole.csv")["missing"].unique().to_list() == ["airline"]
    assert Path("parts.csv").read_bytes() == Path("whole.csv").read_bytes()


def test_past_and_timetable_are_those_of_a_whole_table_too(
    predict, in_parts, made_flights: pl.DataFrame
) -> None:
    made_flights.write_csv("past.csv", datetime_format="%Y-%m-%dT%H:%M")
    words = ("--past", "past.csv", "--timetable", "past.csv")
    whole = predict("whole.csv", *words)
    in_parts()
    assert predict("parts.csv", *words).exit_code == whole.exit_code == 0
    assert Path("parts.csv").read_bytes() == Path("whole.csv").read_bytes()


@pytest.mark.parametrize("broken", ["AA,1,JFK,MIA,never,x", "first"])
def test_what_is_wrong_with_the_table_is_said_as_of_a_whole_one(predict, in_parts, broken) -> None:
    text = Path("flights.csv").read_text()
    Path("flights.csv").write_text(text + (text.splitlines()[1] if broken == "first" else broken) + "\n")
    whole = predict("whole.csv")
    in_parts()
    parts = predict("parts.csv")
    assert parts.exit_code == whole.exit_code != 0
    assert _notes(parts) == _notes(whole) != []
    assert not Path("parts.csv").exists()


def _notes(result: Result) -> list[str]:
    """What was said on standard error, but for progress."""
    return [line for line in result.stderr.splitlines() if not line.startswith("predicting")]
