"""A small file that would unpack to more than a machine has is refused before it is unpacked."""

import struct
import zipfile
import zlib
from io import BytesIO

import polars as pl
import pytest

from puntual.errors import TableError
from puntual.sources import read_plain

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
