"""What is too wide, too long, packed or quoted wrongly is refused in words, by the readers of all tables."""

import gzip
import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from puntual.api.predict import flight_reading
from puntual.api.serving.coming_flights import read_coming
from puntual.errors import MapError, PuntualError, TableError
from puntual.features import calendar, flight_keys, route, vector
from puntual.flights import airports
from puntual.prediction.warnings import KnownWorld
from puntual.sources import files, read_flights, read_plain
from puntual.storage import open_store

Reader = Callable[[bytes, str, str], object]
HEADER = "airline,flight_number,origin,destination,scheduled_departure"
ROW = "LA,226,SCL,MIA,2017-01-01 10:00"
FLIGHT = dict(zip(HEADER.split(","), ROW.split(","), strict=True))
readers = pytest.mark.parametrize("reader", [read_plain, read_coming])


@readers
@pytest.mark.parametrize("columns", [1_001, 50_000])
def test_more_than_a_thousand_columns_are_refused(reader: Reader, columns: int) -> None:
    names = [HEADER, *(f"c{number}" for number in range(columns - 5))]
    table = f"{','.join(names)}\n{ROW}{',' * (columns - 5)}\n"
    with pytest.raises(TableError, match=rf"f: it has {columns:,} columns; expected at most 1,000"):
        reader(table.encode(), "f", ".csv")


@readers
def test_rows_of_json_may_not_each_have_keys_of_their_own(reader: Reader) -> None:
    rows = [FLIGHT | {f"k{number}": 1} for number in range(15_000)]
    with pytest.raises(TableError, match=r"f: it has 15,005 columns; expected at most 1,000"):
        reader(json.dumps(rows).encode(), "f", ".json")


def test_a_parquet_of_more_than_a_thousand_columns_is_refused() -> None:
    buffer = BytesIO()
    pl.DataFrame({f"c{number}": [1] for number in range(1_001)}).write_parquet(buffer)
    with pytest.raises(TableError, match=r"1,001 columns"):
        read_plain(buffer.getvalue(), "f", ".parquet")


@readers
def test_of_many_unused_columns_the_first_are_noted_and_the_rest_counted(
    reader: Callable[[bytes, str, str], Any],
) -> None:
    names = [f"c{number}" for number in range(100)]
    notes = reader(f"{HEADER},{','.join(names)}\n{ROW}{',' * 100}\n".encode(), "f", ".csv").notes
    assert (len(notes), notes[0], notes[-1]) == (
        31,
        "column 'c0' is not used",
        "70 more columns are not used",
    )


@readers
@pytest.mark.parametrize("column", ["airline", "flight_number"])
def test_a_name_of_more_than_two_hundred_characters_is_refused(reader: Reader, column: str) -> None:
    for name in ("A" * 201, " " * 10_000 + "LA"):
        row = FLIGHT | {column: name}
        table = f"{HEADER}\n{','.join(row.values())}\n".encode()
        with pytest.raises(TableError, match=rf"line 2, column '{column}'.*a text of at most 200 characters"):
            reader(table, "f", ".csv")


@readers
@pytest.mark.parametrize(
    ("packed", "message"),
    [
        (
            gzip.compress(f"{HEADER}\n{ROW}\n".encode()),
            "f: it is compressed with gzip; expected text; unpack it",
        ),
        (b"PK\x03\x04" + b"\0" * 40, "f: it is a ZIP archive or an Excel workbook"),
        (b"PAR1" + b"\0" * 40, "f: it is Parquet; expected text"),
    ],
)
def test_a_packed_file_given_as_csv_is_said_to_be_one(reader: Reader, packed: bytes, message: str) -> None:
    with pytest.raises(TableError, match=message):
        reader(packed, "f", ".csv")


@pytest.mark.parametrize(
    "row",
    [
        'LA,"226,SCL,MIA,2017-01-01 10:00',
        'LA,22"6,SCL,MIA,2017-01-01 10:00',
        'LA,"22"6,SCL,MIA,2017-01-01 10:00',
        'LA,226,SCL,MIA,2017-01-01 10:00"',
    ],
)
def test_a_stray_quote_is_named_by_its_line_however_many_lines_it_swallows(row: str) -> None:
    days = [f"LA,226,SCL,MIA,2017-02-{day:02} 10:00" for day in range(1, 20)]
    table = "\n".join([HEADER, *days[:3], row, *days[3:], ""])
    with pytest.raises(TableError, match=r'f, line 5: a quote \("\) stands alone, or inside a cell'):
        read_plain(table.encode(), "f", ".csv")


@pytest.mark.parametrize(("encoding", "reason"), [("utf\0", "null"), ("hex", "hex"), ("klingon", "unknown")])
def test_an_encoding_that_is_none_is_one_clear_error(tmp_path: Path, encoding: str, reason: str) -> None:
    table, table_map = tmp_path / "f.csv", tmp_path / "map.toml"
    table.write_text(f"{HEADER}\n{ROW}\n")
    own = "\n".join(f'{name} = "{name}"' for name in FLIGHT)
    table_map.write_text(f"[flights]\n{own}\n[rules]\nencoding = {json.dumps(encoding)}\n")
    with pytest.raises(TableError, match=rf"it cannot be read as .*{reason}.*set encoding in the map"):
        read_flights("table", table, table_map, operated=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "the map is empty"), (" \n", "the map is empty"), ("# nothing\n", "are missing")],
)
def test_an_empty_map_is_one_clear_error(tmp_path: Path, text: str, message: str) -> None:
    table, table_map = tmp_path / "f.csv", tmp_path / "map.toml"
    table.write_text(f"{HEADER}\n{ROW}\n")
    table_map.write_text(text)
    with pytest.raises(MapError, match=rf"map\.toml.*{message}.*write "):
        read_flights("table", table, table_map)


def test_what_is_kept_of_what_anybody_may_ask_about_is_bounded() -> None:
    world = KnownWorld(0, 1, None, route.Vocabulary({kind: {} for kind in route.CODED}))
    caches = (
        *(route.of_route, calendar.of_date, calendar._holidays, airports._airport, flight_reading.listed),
        *(flight_keys._number, vector._of_day),
        *(world.vocabulary.row, world._of_flight),
    )
    assert all(cache.cache_info().maxsize for cache in caches)


@pytest.mark.parametrize("code", ["\ud800", "SCL\ud800", "\0", "é", "SCL" * 100_000])
def test_what_no_code_can_be_is_no_airport(code: str) -> None:
    assert airports.look_up(code) is None
    with pytest.raises(PuntualError):
        airports.code_of(code)


@pytest.mark.parametrize("place", ["folder", "bucket", "device"])
def test_a_table_larger_than_any_is_not_read(
    place: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LARGEST_TABLE", 1_000)
    names: dict[str, Path | str] = {"folder": tmp_path / "flights.csv", "device": Path("/dev/zero")}
    if place == "bucket":
        names["bucket"] = f"{request.getfixturevalue('bucket')}/flights.csv"
        folder, _, name = str(names["bucket"]).rpartition("/")
        open_store(folder).write(name, bytes(1_001))
    else:
        (tmp_path / "flights.csv").write_bytes(bytes(1_001))
    with pytest.raises(
        TableError, match=r"it has [\d,]+ bytes or more; expected at most 1,000; .*keep the columns and years"
    ):
        files.read_bytes(names[place])
