"""A member of an archive is unpacked as it was packed, and refused where it is not what the directory says of it."""

import io
import zipfile

import pytest

from puntual.storage.zip_file import pack, read_member, unpack_member

CONTENT = b"late, late, late, punctual; " * 1_000


def packed(method: int = zipfile.ZIP_DEFLATED) -> tuple[bytes, zipfile.ZipInfo]:
    """An archive of two members, and the entry of the second."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("a", b"first")
        archive.writestr("b", CONTENT)
    data = buffer.getvalue()
    return data, zipfile.ZipFile(io.BytesIO(data)).getinfo("b")


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_it_is_what_was_packed(method: int) -> None:
    assert unpack_member(*packed(method)) == CONTENT


def test_an_archive_of_ours_is_read_as_by_pythons_own_reader() -> None:
    data = pack({"a": b"", "b": CONTENT}, comment="")
    archive = zipfile.ZipFile(io.BytesIO(data))
    for entry in archive.infolist():
        assert unpack_member(data, entry) == read_member(archive, entry.filename)


@pytest.mark.parametrize("difference", [-1, 1])
def test_one_that_holds_more_or_less_than_it_declares_is_refused(difference: int) -> None:
    data, entry = packed()
    entry.file_size += difference
    with pytest.raises(zipfile.BadZipFile, match="declares"):
        unpack_member(data, entry)


def test_one_that_ends_too_soon_is_refused() -> None:
    data, entry = packed()
    entry.compress_size -= 9
    with pytest.raises(zipfile.BadZipFile, match="ends too soon"):
        unpack_member(data, entry)


def test_no_more_is_unpacked_than_one_byte_beyond_what_is_declared() -> None:
    data, entry = packed()
    entry.file_size = 10
    with pytest.raises(zipfile.BadZipFile, match="holds 11 bytes or more and declares 10"):
        unpack_member(data, entry)


@pytest.mark.parametrize(
    ("place", "byte"),
    [(0, b"Q"), (6, b"\x01"), (6, b"\x20"), (6, b"\x40"), (30, b"c")],
    ids=["no signature", "encrypted", "patched", "strongly encrypted", "another name"],
)
def test_one_that_begins_otherwise_than_its_directory_says_is_refused(place: int, byte: bytes) -> None:
    data, entry = packed()
    altered = bytearray(data)
    altered[entry.header_offset + place : entry.header_offset + place + 1] = byte
    with pytest.raises(zipfile.BadZipFile, match="does not begin as its directory says"):
        unpack_member(bytes(altered), entry)


def test_one_beyond_the_end_is_refused() -> None:
    data, entry = packed()
    entry.header_offset = len(data) - 3
    with pytest.raises(zipfile.BadZipFile, match="beyond the end"):
        unpack_member(data, entry)
