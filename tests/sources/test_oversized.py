"""A small file that would unpack to more than a machine has is refused before it is unpacked."""

import struct
import zipfile
import zlib
from contextlib import suppress
from io import BytesIO
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from puntual.errors import TableError
from puntual.sources import parquet_size, read_plain
from puntual.sources.thrift import read_structure

FLIGHT = {
    "airline": "LA",
    "flight_number": "226",
    "origin": "SCL",
    "destination": "MIA",
    "scheduled_departure": "2017-01-01 10:00",
}
SHEET = "xl/worksheets/sheet1.xml"


def workbook(last: str = "") -> bytes:
    """Write a workbook of one flight, and before the end of its sheet what `last` holds."""
    plain, changed = BytesIO(), BytesIO()
    pl.DataFrame([FLIGHT]).write_excel(plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name == SHEET:
                content = content.replace(b"</sheetData>", last.encode() + b"</sheetData>")
            target.writestr(name, content)
    return changed.getvalue()


def cell(place: str) -> str:
    row = place.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return f'<row r="{row}"><c r="{place}" t="inlineStr"><is><t>x</t></is></c></row>'


def test_a_workbook_of_one_flight_is_read() -> None:
    assert read_plain(workbook(), "f", ".xlsx").flights.height == 1


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("XFD1048576", "f: it has 16,384 columns; expected at most 1,000"),
        ("AHP1048576", "f: 1,048,576 rows of 900 columns; expected at most 50,000,000 cells"),
        ("E4294967295", "f: 4,294,967,295 rows of 5 columns; expected at most 50,000,000 cells"),
    ],
)
def test_two_cells_far_apart_do_not_become_all_that_lie_between(place: str, message: str) -> None:
    with pytest.raises(TableError, match=message):
        read_plain(workbook(cell(place)), "f", ".xlsx")


def test_a_wide_sheet_that_is_small_is_measured_and_read() -> None:
    wide = pl.DataFrame([FLIGHT | {f"c{number}": "x" for number in range(60)}])
    buffer = BytesIO()
    wide.write_excel(buffer)
    assert read_plain(buffer.getvalue(), "f", ".xlsx").flights.height == 1


def test_a_workbook_that_unpacks_to_more_than_half_a_gibibyte_is_refused() -> None:
    buffer = BytesIO(workbook())
    with (
        zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/media/image1.png", "w") as picture,
    ):
        for _ in range(513):
            picture.write(bytes(2**20))
    assert len(buffer.getvalue()) < 2**20
    with pytest.raises(
        TableError, match=r"it would unpack to 53\d,\d{3},\d{3} bytes, more than the 536,870,912"
    ):
        read_plain(buffer.getvalue(), "f", ".xlsx")


def test_a_workbook_that_unpacks_to_more_than_it_declares_is_refused() -> None:
    data = bytearray(workbook(" " * 2**20))
    with zipfile.ZipFile(BytesIO(data)) as archive:
        first = archive.read(SHEET)[:100]
    entry = data.rindex(SHEET.encode()) - 46
    struct.pack_into("<I", data, entry + 16, zlib.crc32(first))
    struct.pack_into("<I", data, entry + 24, len(first))
    with pytest.raises(TableError, match="f: the workbook cannot be unpacked"):
        read_plain(bytes(data), "f", ".xlsx")


@pytest.mark.parametrize(
    ("member", "what"), [("content.xml", "an OpenDocument sheet"), ("xl/workbook.bin", r"a binary workbook")]
)
def test_another_kind_of_workbook_is_named(member: str, what: str) -> None:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(member, "x")
    with pytest.raises(TableError, match=rf"f: it is {what}.*; expected an .xlsx workbook; save it as .xlsx"):
        read_plain(buffer.getvalue(), "f", ".xlsx")


def test_a_small_parquet_of_a_great_many_equal_rows_is_refused() -> None:
    rows = 10_000_001
    columns = [pl.repeat(text, rows, eager=True).alias(name) for name, text in FLIGHT.items()]
    buffer = BytesIO()
    pl.DataFrame(columns).write_parquet(buffer, row_group_size=rows)
    assert len(buffer.getvalue()) < 10**6
    with pytest.raises(
        TableError, match="f: 10,000,001 rows of 5 columns; expected at most 50,000,000 cells"
    ):
        read_plain(buffer.getvalue(), "f", ".parquet")


def with_texts(length: int, cells: int) -> bytes:
    """Write a workbook of one flight, and so many rows below that all hold the same text."""
    plain, changed = BytesIO(), BytesIO()
    pl.DataFrame([FLIGHT]).write_excel(plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as target:
        contents = {name: source.read(name) for name in source.namelist()}
        texts = contents["xl/sharedStrings.xml"]
        own = texts.count(b"<si>")
        contents["xl/sharedStrings.xml"] = texts.replace(
            b"</sst>", b"<si><t>" + b"A" * length + b"</t></si></sst>"
        )
        rows = "".join(
            f'<row r="{row}"><c r="B{row}" t="s"><v>{own}</v></c></row>' for row in range(3, 3 + cells)
        )
        contents[SHEET] = contents[SHEET].replace(b"</sheetData>", rows.encode() + b"</sheetData>")
        for name, content in contents.items():
            target.writestr(name, content)
    return changed.getvalue()


def test_a_workbook_with_a_text_that_no_cell_holds_is_refused() -> None:
    data = with_texts(50_000_000, 1)
    assert len(data) < 100_000
    with pytest.raises(
        TableError, match="f: one of its texts has more than 262,144 bytes; expected cells of"
    ):
        read_plain(data, "f", ".xlsx")


def test_a_text_of_a_workbook_that_a_great_many_cells_name_is_refused() -> None:
    with pytest.raises(
        TableError,
        match=r"f: its texts, of all cells, hold 6\d\d,\d{3},\d{3} bytes; expected at most 536,870,912",
    ):
        read_plain(with_texts(32_000, 20_000), "f", ".xlsx")


def test_a_long_remark_among_many_short_cells_is_no_reason_to_refuse_a_workbook() -> None:
    rows = [FLIGHT | {"flight_number": str(number), "remark": ""} for number in range(20_000)]
    rows[7]["remark"] = "A" * 32_000
    buffer = BytesIO()
    pl.DataFrame(rows).write_excel(buffer)
    assert read_plain(buffer.getvalue(), "f", ".xlsx").flights.height == 20_000


def parquet(text: str, rows: int = 1) -> bytes:
    """Write flights of which one column holds the same text, stored once, in every row."""
    columns = [
        pl.Series(name, [value]).gather([0] * rows) for name, value in (FLIGHT | {"airline": text}).items()
    ]
    buffer = BytesIO()
    pl.DataFrame(columns).write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def test_a_parquet_whose_page_expands_hugely_is_refused_before_it_is_unpacked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parquet_size, "LARGEST_UNPACKED", 2**20)
    data = parquet("A" * 5_000_000)
    assert len(data) < 5_000
    with pytest.raises(
        TableError, match=r"f: it would unpack to 5,000,\d{3} bytes; expected at most 1,048,576"
    ):
        read_plain(data, "f", ".parquet")


def test_a_text_of_a_parquet_that_stands_for_a_great_many_is_refused_before_it_is_copied() -> None:
    data = parquet("A" * 1_000_000, rows=600)
    with pytest.raises(
        TableError, match=r"f: its texts, of all rows, hold 600,\d{3},\d{3} bytes; expected at most"
    ):
        read_plain(data, "f", ".parquet")


@pytest.mark.parametrize("compression", ["zstd", "snappy", "gzip", "brotli", "lz4", "uncompressed"])
def test_a_parquet_of_any_compression_and_many_row_groups_is_measured_and_read(compression: Any) -> None:
    rows = [
        FLIGHT | {"flight_number": str(number), "remark": None, "seats": number} for number in range(5_000)
    ]
    buffer = BytesIO()
    pl.DataFrame(rows).write_parquet(buffer, compression=compression, row_group_size=700)
    assert read_plain(buffer.getvalue(), "f", ".parquet").flights.height == 5_000


@given(st.binary(max_size=200))
def test_whatever_stands_there_is_a_structure_or_refused(description: bytes) -> None:
    with suppress(ValueError):
        assert read_structure(description, 0).end <= len(description)


def test_a_dictionary_of_more_entries_than_it_has_room_for_is_refused() -> None:
    # Its number of entries is written as twice itself.
    damaged = parquet("LA").replace(b"L\x15\x02", b"L\x15\x7e", 1)
    with pytest.raises(
        TableError, match="its pages cannot be measured: a dictionary of 63 entries in 6 bytes"
    ):
        read_plain(damaged, "f", ".parquet")


@pytest.mark.parametrize(
    ("description", "message"),
    [
        (b"\x19\xfc\xff\xff\xff\xff\x0f", "cut off"),
        (b"\x16" + b"\xff" * 40, "a number has no end"),
        (b"\x1c" * 40, "too deep"),
        (b"\x1d\x00", "a field of kind 13 is none"),
    ],
)
def test_what_describes_nothing_is_named(description: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_structure(description, 0)
