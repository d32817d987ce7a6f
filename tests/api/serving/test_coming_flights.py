"""A table of coming flights is read without Polars, and as the reader of all other tables reads it."""

import json
from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from puntual.api.serving.coming_flights import read_coming
from puntual.api.serving.timetable_file import NAME, TimetableFile
from puntual.errors import DuplicateFlightError, PuntualError
from puntual.features.flight_keys import NAMED, Keys
from puntual.sources import read_plain

FLIGHT = {
    "airline": "la",
    "flight_number": "226",
    "origin": "SCEL",
    "destination": "MIA",
    "scheduled_departure": "2017-01-01T23:30",
}
HEADER = ",".join(FLIGHT)
ROW = ",".join(FLIGHT.values())
CSV = f"{HEADER}\n{ROW}\n"


def rows_of(flights: Keys) -> list[tuple[object, ...]]:
    """Write keys as rows: moment, origin, airline, destination, number."""
    columns = (getattr(flights, name) for name in NAMED)
    texts = [[column.values[place] for place in column.positions] for column in columns]
    return list(zip((flights.day * 1_440 + flights.minute).tolist(), *texts, strict=True))


def minutes(text: str) -> int:
    return int((datetime.fromisoformat(text) - datetime(1970, 1, 1)).total_seconds()) // 60


def parquet() -> bytes:
    buffer = BytesIO()
    pl.DataFrame([FLIGHT | {"scheduled_departure": datetime(2017, 1, 1, 23, 30)}]).write_parquet(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (CSV.encode(), ".csv"),
        (CSV.replace("\n", "\r\n").encode("utf-8-sig"), ".CSV"),
        (f'{HEADER}\n\n,,,,\n"la","226"," scel ",mia,2017-1-1 23:30:59.5'.encode(), ".csv"),
        (json.dumps([FLIGHT | {"flight_number": 226}, {}]).encode(), ".json"),
        (f"{json.dumps(FLIGHT)}\n".encode(), ".ndjson"),
        (json.dumps(FLIGHT, indent=1).encode(), ".json"),
        (parquet(), ".parquet"),
    ],
)
def test_every_way_to_write_it_gives_the_same_flight(data: bytes, suffix: str) -> None:
    assert rows_of(read_coming(data, "f", suffix).flights) == [
        (minutes("2017-01-01T23:30"), "SCL", "LA", "MIA", "226")
    ]


def test_a_column_that_no_flight_has_is_noted_with_the_field_it_may_mean() -> None:
    table = f"{HEADER},arline,tail\n{ROW},x,N1\n".encode()
    assert read_coming(table, "f", ".csv").notes == ("column 'arline' is not used; did you mean 'airline'?",)


def csv(**changes: str) -> bytes:
    """A good row on line 2, blank lines, and a bad one on line 5."""
    return f"{HEADER}\n{ROW}\n\n\n{','.join((FLIGHT | changes).values())}\n".encode()


def rows(**changes: object) -> bytes:
    return json.dumps([FLIGHT, FLIGHT | changes]).encode()


@pytest.mark.parametrize(
    ("data", "suffix", "message"),
    [
        (b"", ".csv", "f: the file is empty"),
        (HEADER.encode(), ".csv", "f: it holds no flights"),
        (b"[{}, {}]", ".json", "f: it holds no flights"),
        (f"{HEADER},origin\n{ROW},SCL\n".encode(), ".csv", "column 'origin' stands twice in the header"),
        (CSV.replace(",", ";").encode(), ".csv", "column 'origin' is missing.*is the separator ';'"),
        (CSV.replace("origin", "origin2").encode(), ".csv", "is missing.*did you mean 'origin2'"),
        (CSV.encode() + b"AA,1,JFK", ".csv", "f, line 3: it has 3 fields; expected 5"),
        (CSV.encode() + b'AA,"1,JFK\n', ".csv", r"f, line 3: it is not a CSV \('unexpected end"),
        (CSV.encode() + b'AA,"1"2,JFK,MIA,2017-01-01 10:00\n', ".csv", "f, line 3: it is not a CSV"),
        (CSV.encode() + b"AA,\xe9,JFK,MIA,2017-01-01 10:00\n", ".csv", "f, line 3: byte 0xe9"),
        (csv(origin="QQQ"), ".csv", "f, line 5, column 'origin': airport 'QQQ' is listed neither"),
        (csv(origin="Santiago"), ".csv", "line 5, column 'origin'.*did you mean"),
        (csv(destination=" "), ".csv", "f, line 5, column 'destination': the cell is empty"),
        (
            csv(airline="L\0A"),
            ".csv",
            r"f, line 5, column 'airline': 'L\\x00A' cannot be read.*without a NUL",
        ),
        (
            csv(destination="SCL"),
            ".csv",
            "f, line 5, column 'destination': 'SCL'.*another airport than the origin",
        ),
        (
            csv(scheduled_departure="2017-08-13 00:30"),
            ".csv",
            "line 5, column 'scheduled_departure': '2017-08-13 00:30'.*clocks of America/Santiago skip this one",
        ),
        *(
            (csv(scheduled_departure=bad), ".csv", f"line 5, column 'scheduled_departure': '{bad}' cannot")
            for bad in (
                "2017-02-30 10:00",
                "2017-01-01",
                "2017-01-01 24:00",
                "2017-01-01 10:00Z",
                "2017-01-01 10:00:60",
                "10:00",
                "x",
            )
        ),
        (rows(origin=None), ".json", "f, row 2, column 'origin': the cell is empty"),
        (rows(flight_number="2\0"), ".json", "f, row 2, column 'flight_number'.*without a NUL"),
        (rows(flight_number=[1]), ".json", r"f, row 2, column 'flight_number': '\[1\]' cannot be read"),
        (rows(origin="QQQ"), ".json", "f, row 2, column 'origin'"),
        (b"[1]", ".json", "f, row 1: '1' is not an object"),
        (b"[{", ".json", "f: it is not JSON"),
        (b"[" * 100_000, ".json", "f: it is not JSON"),
        (b"PAR1 cut", ".parquet", "its end is missing"),
        (b"x", ".xlsx", "format '.xlsx' is unknown"),
    ],
)
def test_what_cannot_be_read_is_one_clear_error(data: bytes, suffix: str, message: str) -> None:
    with pytest.raises(PuntualError, match=message):
        read_coming(data, "f", suffix)


def test_many_flight_numbers_are_kept_in_order_though_they_are_sorted_piece_by_piece() -> None:
    numbers = [str(number * 7_919 % 40_009) for number in range(40_000)]
    table = [HEADER, *(f"LA,{number},SCL,MIA,2017-01-01 10:00" for number in numbers)]
    flights = read_coming("\n".join(table).encode(), "f", ".csv").flights
    assert flights.flight_number.values == tuple(sorted(numbers))


def test_a_flight_that_stands_twice_is_named_with_both_places_however_it_is_written() -> None:
    other = "AA,1,JFK,MIA,2017-01-01 10:00"
    table = f"{CSV}{other}\nLA ,226,scl,KMIA,2017-01-01 23:30:00\n"
    with pytest.raises(
        DuplicateFlightError, match=r"f, line 2 and line 4: flight LA 226 SCL–MIA 2017-01-01 23:30"
    ):
        read_coming(table.encode(), "f", ".csv")


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (
            b"origin,destination,scheduled_departure\nSCL,MIA,2017-01-01 23:30\nSCL,MIA,2017-01-01 23:30\n",
            ".csv",
        ),
        (f"{HEADER}\n,,SCL,MIA,2017-01-01 23:30\n, ,SCL,MIA,2017-01-01 23:30\n".encode(), ".csv"),
        (json.dumps([FLIGHT | {"airline": None, "flight_number": None}] * 2).encode(), ".json"),
    ],
)
def test_airline_and_number_may_be_unknown_and_no_such_flight_is_another(data: bytes, suffix: str) -> None:
    coming = read_coming(data, "f", suffix)
    assert rows_of(coming.flights) == [(minutes("2017-01-01T23:30"), "SCL", "", "MIA", "")] * 2
    assert coming.notes == (
        "flights without airline, which count for their airport alone: 2",
        "flights without flight_number, which stand for themselves: 2",
    )


@pytest.mark.parametrize("number", ["226", "0226", "226.0", "LA226", "la 0226"])
def test_a_flight_number_is_the_same_however_it_is_written(number: str) -> None:
    table = f"{HEADER}\n{ROW.replace('226', number)}\n".encode()
    assert rows_of(read_coming(table, "f", ".csv").flights)[0][-1] == "226"


def test_a_time_that_the_clocks_show_twice_is_noted() -> None:
    table = f"{HEADER}\n{ROW}\n{ROW.replace('2017-01-01', '2017-05-13')}\n".encode()
    assert read_coming(table, "f", ".csv").notes == (
        "flights at a time that the clocks show twice that night, taken as the first: 1 "
        "(line 3: LA 226 SCL–MIA 2017-05-13 23:30)",
    )


def test_flights_of_one_number_and_minute_are_told_apart_by_their_seconds() -> None:
    table = f"{HEADER}\n{ROW}:00.5\n{ROW}\n{ROW}:01\n{ROW}:00.25\n"
    assert len(read_coming(table.encode(), "f", ".csv").flights) == 4
    with pytest.raises(DuplicateFlightError, match=r"line 2 and line 6"):
        read_coming(f"{table}{ROW}:00.500\n".encode(), "f", ".csv")


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode), st.sampled_from([".csv", ".json"]))
def test_no_bytes_break_the_reader(data: bytes, suffix: str) -> None:
    with pytest.raises(PuntualError):
        read_coming(data, "f", suffix)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(CSV)), st.text('",\n\x00é 1\r', max_size=4))
def test_a_damaged_csv_is_read_or_refused(position: int, noise: str) -> None:
    try:
        coming = read_coming((CSV[:position] + noise + CSV[position:]).encode(), "f", ".csv")
    except PuntualError:
        return
    assert len(coming.flights) == 1


words = st.text('ABÑñ ,"\n;9-', min_size=1, max_size=6).filter(str.strip)
flights = st.fixed_dictionaries(
    {
        "airline": words,
        "flight_number": words,
        "origin": st.sampled_from(["JFK", "kjfk", "SCL", "SCEL "]),
        "destination": st.sampled_from(["MIA", "EGLL", "lhr"]),
        "scheduled_departure": st.datetimes(datetime(1990, 1, 1), datetime(2099, 1, 1)).map(
            # Before four in the morning some clocks skip an hour.
            lambda moment: moment.replace(hour=4 + moment.hour % 20).isoformat(" ")
        ),
    }
)


@settings(max_examples=100, deadline=None)
@given(st.lists(flights, min_size=1, max_size=12))
def test_it_reads_what_the_reader_of_other_tables_reads(written: list[dict[str, str]]) -> None:
    table = pl.DataFrame(written).write_csv().encode()
    try:
        expected = list(_rows(read_plain(table, "f", ".csv").flights))
    except DuplicateFlightError:
        with pytest.raises(DuplicateFlightError):
            read_coming(table, "f", ".csv")
        return
    assert rows_of(read_coming(table, "f", ".csv").flights) == expected
    assert rows_of(read_coming(json.dumps(written).encode(), "f", ".json").flights) == expected


def _rows(flights: pl.DataFrame) -> Iterator[tuple[object, ...]]:
    for row in flights.iter_rows(named=True):
        yield (minutes(row["scheduled_departure"].isoformat()), *(row[name] for name in NAMED))


@settings(max_examples=30, deadline=None)
@given(st.lists(flights, min_size=1, max_size=12, unique_by=lambda flight: flight["scheduled_departure"]))
def test_what_is_kept_is_read_back_the_same(
    tmp_path_factory: pytest.TempPathFactory, written: list[dict[str, str]]
) -> None:
    file = TimetableFile(tmp_path_factory.mktemp("state"))
    assert len(file.keys()) == 0
    coming = read_coming(json.dumps(written).encode(), "f", ".json").flights
    file.write(coming)
    assert rows_of(file.keys()) == rows_of(coming)
    first = coming.take(np.array([0], np.intp))
    origin, day = (
        rows_of(first)[0][1],
        datetime.fromtimestamp(0).date().fromordinal(719_163 + int(first.day[0])),
    )
    here = [row for row in rows_of(coming) if row[1] == origin and row[0] // 1_440 == first.day[0]]  # type: ignore
    assert rows_of(file.departures(str(origin), day)) == here
    assert rows_of(file.departures("LHR", day)) == []


def test_a_file_whose_columns_do_not_fit_together_counts_as_none(tmp_path: Path) -> None:
    file = TimetableFile(tmp_path)
    coming = read_coming(CSV.encode(), "f", ".csv").flights
    for damaged in (
        Keys(coming.day[:0], *(getattr(coming, name) for name in ("minute", *NAMED))),
        Keys(
            coming.day,
            coming.minute,
            *(getattr(coming, name).__class__((), np.zeros(1, int)) for name in NAMED),
        ),
    ):
        file.write(damaged)
        assert (tmp_path / NAME).exists()
        assert len(file.keys()) == 0
