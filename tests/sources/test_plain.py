import json
from datetime import datetime
from io import BytesIO

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from puntual.errors import PuntualError
from puntual.flights.schema import SCHEMA
from puntual.sources import read_plain

FLIGHT = {
    "airline": "LA",
    "flight_number": 226,
    "origin": "SCEL",
    "destination": "MIA",
    "scheduled_departure": "2017-01-01T23:30",
}
LINE = json.dumps(FLIGHT)
CSV = ",".join(FLIGHT) + "\n" + ",".join(map(str, FLIGHT.values())) + "\n"


def parquet() -> bytes:
    buffer = BytesIO()
    pl.DataFrame([FLIGHT]).write_parquet(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (CSV.encode(), ".csv"),
        (parquet(), ".parquet"),
        (f"[{LINE}]".encode(), ".json"),
        (f"{LINE}\n".encode(), ".ndjson"),
        (json.dumps(FLIGHT, indent=1).encode(), ".json"),
    ],
)
def test_every_format_gives_the_same_flight(data: bytes, suffix: str) -> None:
    flights = read_plain(data, "flights", suffix).flights
    assert flights.schema == SCHEMA
    assert flights.row(0)[:6] == ("LA", "226", "SCL", "MIA", datetime(2017, 1, 1, 23, 30), "America/Santiago")
    assert flights["departed"].to_list() == flights["cancelled"].to_list() == [None]


def test_a_column_that_is_not_a_field_is_noted_with_the_field_it_may_mean() -> None:
    table = read_plain(
        CSV.replace("\n", ",x\n", 1).replace("23:30\n", "23:30,1\n").replace(",x", ",tial").encode(),
        "f",
        ".csv",
    )
    assert table.notes == ("column 'tial' is not used; did you mean 'tail'?",)


def test_json_lines_keep_their_order_in_records() -> None:
    earlier = json.dumps(FLIGHT | {"scheduled_departure": "2016-01-01 10:00"})
    assert read_plain(f"{LINE}\n{earlier}\n".encode(), "f", ".jsonl").records.to_list() == [1, 0]


@pytest.mark.parametrize(
    ("data", "suffix", "message"),
    [
        (f"[{LINE}".encode(), ".json", "f: it is not JSON"),
        (b"[]", ".json", "it holds no flights"),
        (b"[1]", ".json", "row 1: '1' is not an object"),
        (b"[" * 100_000, ".json", "it is not JSON"),
        (json.dumps(FLIGHT | {"origin": ["SCL"]}).encode(), ".json", "row 1, column 'origin'"),
        (json.dumps([FLIGHT, FLIGHT | {"origin": "QQQ"}]).encode(), ".json", "row 2, column 'origin'"),
        (
            json.dumps(FLIGHT | {"airline": None}).encode(),
            ".json",
            "row 1, column 'airline': the cell is empty",
        ),
        (
            LINE.replace("airline", "arline").encode(),
            ".json",
            "column 'airline' is missing.*did you mean 'arline'",
        ),
        (CSV.replace("\n", ",,\n").encode(), ".csv", "columns 6, 7 have no name in the header"),
        (b"Flights,,,,\n" + CSV.encode(), ".csv", "columns 2, 3, 4, 5 have no name.*what stands above"),
        (CSV.replace(",", ";").encode(), ".csv", "is the separator ';'. name it with --separator"),
        (
            CSV.replace("SCEL", "\u0131st").encode(),
            ".csv",
            "'\u0131st' is listed neither by IATA nor by ICAO",
        ),
        (b"PAR1 cut", ".parquet", "its end is missing"),
        (b"airline\n", ".ods", "format '.ods' is unknown"),
    ],
)
def test_bad_input_is_one_clear_error(data: bytes, suffix: str, message: str) -> None:
    with pytest.raises(PuntualError, match=message):
        read_plain(data, "f", suffix)


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=200) | st.text(max_size=200).map(str.encode),
    st.sampled_from([".csv", ".json", ".parquet"]),
)
def test_no_bytes_break_the_reader(data: bytes, suffix: str) -> None:
    with pytest.raises(PuntualError):
        read_plain(data, "f", suffix)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(CSV)), st.text('",\n\x00é 1', max_size=4))
def test_a_damaged_csv_is_read_or_refused(position: int, noise: str) -> None:
    try:
        table = read_plain((CSV[:position] + noise + CSV[position:]).encode(), "f", ".csv")
    except PuntualError:
        return
    assert table.rows == table.flights.height + sum(gone.count for gone in table.left_out)
