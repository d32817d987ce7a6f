"""ZIP archives: written as the same bytes each time, and read within a bound whatever they say of themselves."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from copy import copy

# What zlib is asked for at a time: asked for all at once, it would hand out more than was declared.
_PIECE = 2**20
# The head of a member: its signature and flags, and how long its name is and what follows that.
_HEAD = struct.Struct("<4s2xH18xHH")
_MEMBER = b"PK\x03\x04"
# Flags of what is encrypted, or patched.
_UNREADABLE = 0b0110_0001
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


def pack(members: Mapping[str, bytes], comment: str) -> bytes:
    """Write members by name, sorted, without clock, platform or user."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(members):
            # The oldest date that ZIP can write.
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, members[name])
        archive.comment = comment.encode()
    return buffer.getvalue()


def require_size(archive: zipfile.ZipFile, largest: int) -> None:
    """Raise ValueError where the members are declared to be larger together, or packed in an unusual way."""
    declared = sum(entry.file_size for entry in archive.infolist())
    if declared > largest:
        raise ValueError(
            f"it would unpack to {declared:,} bytes, more than the {largest:,} that are unpacked"
        )
    for entry in archive.infolist():
        if entry.compress_type not in _METHODS:
            raise ValueError(f"{entry.filename!r} is packed by method {entry.compress_type}, not by deflate")


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Read a member, of which at no time more than a MiB beyond its declared size is unpacked.

    Raises what `zipfile` raises; BadZipFile where it holds less or more than it declares.
    """
    return b"".join(pieces_of(archive, name))


def unpack_member(archive: bytes, entry: zipfile.ZipInfo) -> bytes:
    """Unpack a member out of the bytes of an archive, which its own digest is held to: its checksum is not looked at.

    Raise BadZipFile where it is not where it should be, encrypted, or holds less or more than it declares.
    """
    head = archive[entry.header_offset : entry.header_offset + _HEAD.size]
    if len(head) < _HEAD.size:
        raise zipfile.BadZipFile(f"{entry.filename!r} lies beyond the end")
    signature, flags, name_length, more = _HEAD.unpack(head)
    name_start = entry.header_offset + _HEAD.size
    start = name_start + name_length + more
    name = archive[name_start : name_start + name_length]
    if signature != _MEMBER or flags & _UNREADABLE or name != entry.orig_filename.encode():
        raise zipfile.BadZipFile(f"{entry.filename!r} does not begin as its directory says")
    packed = memoryview(archive)[start : start + entry.compress_size]
    content = bytes(packed) if entry.compress_type == zipfile.ZIP_STORED else _inflated(packed, entry)
    if len(content) != entry.file_size:
        raise zipfile.BadZipFile(
            f"{entry.filename!r} holds {len(content):,} bytes or more and declares {entry.file_size:,}"
        )
    return content


def _inflated(packed: memoryview, entry: zipfile.ZipInfo) -> bytes:
    """Unpack what was deflated, of which one byte beyond its declared size tells that there is more."""
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    content = unpacker.decompress(packed, entry.file_size + 1)
    if not unpacker.eof and len(content) <= entry.file_size:
        raise zipfile.BadZipFile(f"{entry.filename!r} ends too soon")
    return content


def pieces_of(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """Unpack a member a MiB at a time; raise BadZipFile where it holds less or more than it declares."""
    entry = copy(archive.getinfo(name))
    declared, unpacked = entry.file_size, 0
    # `zipfile` would stop at the declared size and not tell that there is more, which other readers unpack.
    entry.file_size += 1
    with archive.open(entry) as file:
        while piece := file.read(_PIECE):
            unpacked += len(piece)
            yield piece
    if unpacked != declared:
        raise zipfile.BadZipFile(f"{name!r} holds {unpacked:,} bytes or more and declares {declared:,}")
