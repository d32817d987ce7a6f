"""The bytes of a text file → UTF-8, without a byte order mark."""

import codecs

from puntual.errors import TableError


def as_utf8(data: bytes, name: str, encoding: str = "utf-8") -> bytes:
    """Give UTF-8 without a byte order mark; TableError names the first line that is not in `encoding`."""
    try:
        decoded = data.decode(encoding)
    except UnicodeDecodeError as failure:
        raise TableError(_wrong_encoding(data, name, failure)) from None
    except (UnicodeError, LookupError) as failure:
        raise TableError(
            f"{name}: it cannot be read as {encoding!r} ({failure}); set encoding in the map"
        ) from None
    if codecs.lookup(encoding).name in ("utf-8", "utf-8-sig"):
        return data.removeprefix(codecs.BOM_UTF8)
    return decoded.removeprefix("\ufeff").encode()


def _wrong_encoding(data: bytes, name: str, failure: UnicodeDecodeError) -> str:
    line = data.count(b"\n", 0, failure.start) + 1
    return (
        f"{name}, line {line}: byte {data[failure.start]:#x} is not {failure.encoding} text; "
        f"expected {failure.encoding}; save the file as UTF-8, or name its encoding in the map: "
        'encoding = "latin-1", for one'
    )
