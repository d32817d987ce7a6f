"""The bytes of a text file → UTF-8, without a byte order mark."""

import codecs

from puntual.errors import TableError

_PIECE = 1 << 20
# How files begin that are given by mistake in the place of text.
_PACKED = {
    b"\x1f\x8b": "compressed with gzip",
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ\x00": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"PAR1": "Parquet",
}


def as_utf8(data: bytes, name: str, encoding: str = "utf-8") -> bytes:
    """Give UTF-8 without a byte order mark; TableError names the first line that is not in `encoding`."""
    _refuse_packed(data, name)
    try:
        if codecs.lookup(encoding).name in ("utf-8", "utf-8-sig"):
            _check_utf8(data)
            return data.removeprefix(codecs.BOM_UTF8)
        decoded = data.decode(encoding)
    except UnicodeDecodeError as failure:
        raise TableError(_wrong_encoding(data, name, failure)) from None
    except (ValueError, LookupError) as failure:
        raise TableError(
            f"{name}: it cannot be read as {encoding!r} ({failure}); set encoding in the map"
        ) from None
    return decoded.removeprefix("\ufeff").encode()


def _check_utf8(data: bytes) -> None:
    """Raise UnicodeDecodeError for what is no UTF-8; piece by piece, so that other threads get their turn between."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(data)
    try:
        for start in range(0, len(data), _PIECE):
            decoder.decode(view[start : start + _PIECE])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        # Found again in the whole, which says where.
        data.decode()


def _refuse_packed(data: bytes, name: str) -> None:
    kind = next((kind for mark, kind in _PACKED.items() if data.startswith(mark)), None)
    if kind is not None:
        raise TableError(f"{name}: it is {kind}; expected text; unpack it first, or save it as text")


def _wrong_encoding(data: bytes, name: str, failure: UnicodeDecodeError) -> str:
    line = data.count(b"\n", 0, failure.start) + 1
    return (
        f"{name}, line {line}: byte {data[failure.start]:#x} is not {failure.encoding} text; "
        f"expected {failure.encoding}; save the file as UTF-8, or name its encoding in the map: "
        'encoding = "latin-1", for one'
    )
