from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from puntual.errors import (
    BadValueError,
    DuplicateFlightError,
    MissingColumnError,
    PuntualError,
    TableError,
    UnknownAirportError,
)
from puntual.flights.flight import LateRule
from puntual.flights.schema import SCHEMA, delay_minutes
from puntual.sources import read_flights
from real_tables import SANTIAGO, needs_santiago

HEADER = (
    "Fecha-I,Vlo-I,Ori-I,Des-I,Emp-I,Fecha-O,Vlo-O,Ori-O,Des-O,Emp-O,"
    "DIA,MES,AÑO,DIANOM,TIPOVUELO,OPERA,SIGLAORI,SIGLADES"
)
MIAMI = (
    "2017-01-01 23:30:00,226,SCEL,KMIA,AAL,2017-01-01 23:33:00,226,SCEL,KMIA,AAL,"
    "1,1,2017,Domingo,I,American,S,M"
)
LIMA = (
    "2017-01-01 08:00:00,989P,SCEL,SPJC,LAN,2017-01-01 08:40:00,,SCEL,SPJC,LAN,1,1,2017,Domingo,I,Latam,S,L"
)


def written(folder: Path, *rows: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
    path = folder / "scl.csv"
    path.write_bytes(("\n".join([header, *rows]) + "\n").encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_two_departures_become_flights_in_order_of_schedule(tmp_path: Path, encoding: str) -> None:
    table = read_flights("scl", written(tmp_path, MIAMI, LIMA, encoding=encoding))
    assert table.flights.schema == SCHEMA
    assert table.flights["flight_number"].to_list() == ["989P", "226"]
    assert table.flights["destination"].to_list() == ["LIM", "MIA"]
    assert table.flights["airline"].to_list() == ["LAN", "AAL"]
    assert table.flights["time_zone"].unique().to_list() == ["America/Santiago"]
    assert table.flights["cancelled"].to_list() == [False, False]
    assert delay_minutes(table.flights).tolist() == [40.0, 3.0]
    assert (table.rows, table.left_out, table.late_rule) == (2, (), LateRule.MORE_THAN_15)
    assert table.records.to_list() == [1, 0]


def test_columns_are_found_by_name_in_any_order(tmp_path: Path) -> None:
    path = written(tmp_path, MIAMI)
    pl.read_csv(path, infer_schema=False).select(sorted(HEADER.split(","))).write_csv(path)
    assert read_flights("scl", path).flights["destination"].item() == "MIA"


def test_coming_flights_need_none_of_the_columns_of_the_operation(tmp_path: Path) -> None:
    path = written(tmp_path, MIAMI, LIMA)
    pl.read_csv(path, infer_schema=False).select("Fecha-I", "Vlo-I", "Ori-I", "Des-I", "Emp-I").write_csv(
        path
    )
    assert read_flights("scl", path, operated=False).flights["destination"].to_list() == ["LIM", "MIA"]


def test_a_misspelled_column_is_answered_with_the_nearest_name(tmp_path: Path) -> None:
    path = written(tmp_path, MIAMI, header=HEADER.replace("Fecha-I", "fecha-i"))
    with pytest.raises(
        MissingColumnError, match=r"scl.csv: column 'Fecha-I' is missing.*did you mean 'fecha-i'"
    ):
        read_flights("scl", path)


@pytest.mark.parametrize(
    ("good", "bad", "error", "message"),
    [
        (
            "2017-01-01 23:30:00",
            "2017-13-01 23:30:00",
            BadValueError,
            "line 3, column 'Fecha-I': '2017-13-01 23:30:00'",
        ),
        ("2017-01-01 23:30:00", "", BadValueError, "line 3, column 'Fecha-I': the cell is empty"),
        ("2017-01-01 23:33:00", "soon", BadValueError, "line 3, column 'Fecha-O': 'soon' cannot be read"),
        ("KMIA", "Miami", UnknownAirportError, "line 3, column 'Des-I': airport 'MIAMI' is listed neither"),
        (",AAL,", ",,", BadValueError, "line 3, column 'Emp-I': the cell is empty"),
        (
            ",226,SCEL,KMIA,AAL,",
            "," + "x" * 5000 + ",SCEL,,AAL,",
            BadValueError,
            "column 'Des-I': the cell is empty",
        ),
    ],
)
def test_a_bad_cell_is_named_by_line_and_column(
    tmp_path: Path, good: str, bad: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as refused:
        read_flights("scl", written(tmp_path, LIMA, MIAMI.replace(good, bad, 1)))
    assert len(str(refused.value)) < 600


def test_two_aircraft_under_one_number_are_kept_and_noted(tmp_path: Path) -> None:
    table = read_flights("scl", written(tmp_path, MIAMI, MIAMI.replace("23:33", "23:50")))
    assert table.flights.height == 2
    assert "kept: 1 (line 2: AAL 226 SCL–MIA 2017-01-01 23:30:00; line 3:" in table.notes[0]


def test_the_same_row_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    with pytest.raises(DuplicateFlightError, match="line 2 and line 4: flight AAL 226 SCL–MIA"):
        read_flights("scl", written(tmp_path, MIAMI, LIMA, MIAMI))


def test_a_departure_a_month_off_is_left_out_and_counted(tmp_path: Path) -> None:
    table = read_flights(
        "scl", written(tmp_path, LIMA, MIAMI.replace("2017-01-01 23:33", "2017-02-01 23:33"))
    )
    (gone,) = table.left_out
    assert (table.rows, table.flights.height, gone.count) == (2, 1, 1)
    assert gone.example.startswith("line 3: AAL 226")


def test_a_blank_row_is_counted_and_later_lines_keep_their_numbers(tmp_path: Path) -> None:
    table = read_flights("scl", written(tmp_path, LIMA, "", MIAMI))
    assert [(gone.reason, gone.count, gone.example) for gone in table.left_out] == [
        ("blank row", 1, "line 3")
    ]
    with pytest.raises(UnknownAirportError, match="line 4"):
        read_flights("scl", written(tmp_path, LIMA, "", MIAMI.replace("KMIA", "Miami")))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b" \n\n", "the file is empty"),
        (HEADER.encode(), "it holds no flights"),
        (f"{HEADER}\n{LIMA}\n{MIAMI[:60]}".encode(), "line 3: it has 7 fields; expected 18"),
        (f"{HEADER}\n{LIMA},extra\n".encode(), "line 2: it has 19 fields; expected 18"),
        (
            f"{HEADER}\n{LIMA}\n{MIAMI.replace('American', 'Añil')}\n".encode("latin-1"),
            "line 1: byte 0xd1 is not utf-8",
        ),
        (f"{HEADER},OPERA\n{LIMA},x\n".encode(), "column 'OPERA' stands twice"),
        (f'{HEADER}\n"{LIMA}\n'.encode(), "scl.csv"),
        (b"\xff\xfe\x00\x00", "is not utf-8"),
    ],
)
def test_a_damaged_file_is_refused_with_what_is_wrong(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "scl.csv"
    path.write_bytes(content)
    with pytest.raises(PuntualError, match=message):
        read_flights("scl", path)


def test_an_absent_file_and_a_folder_are_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"no such file.*--data PATH"):
        read_flights("scl", tmp_path / "none.csv")
    with pytest.raises(TableError, match=r"no tables of flights are there; expected files that end in \.csv"):
        read_flights("scl", tmp_path)


@needs_santiago
def test_the_shared_table_is_read_whole() -> None:
    table = read_flights("scl", SANTIAGO)
    late = delay_minutes(table.flights) > 15
    assert (table.rows, table.flights.height, table.left_out) == (49_736, 49_736, ())
    assert late.mean() == pytest.approx(0.1696, abs=0.0001)
    assert table.flights["airline"].n_unique() == 30
    assert table.flights["scheduled_departure"].max() < datetime(2017, 10, 1)
    assert len(table.notes) == 1
