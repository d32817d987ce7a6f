"""The bytes of a file a person named, or one clear error."""

import hashlib
from pathlib import Path

from puntual.errors import BadTable


def read_bytes(path: Path, remedy: str = "check the path") -> bytes:
    """Read a whole file; BadTable when it is absent, a folder, unreadable or empty."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise BadTable(f"{path}: no such file; expected a table of flights; {remedy}") from None
    except IsADirectoryError:
        raise BadTable(f"{path}: it is a folder; expected a file; {remedy}") from None
    except (OSError, ValueError) as failure:
        raise BadTable(
            f"{path}: it cannot be opened ({failure}); expected a readable file; {remedy}"
        ) from failure
    if not data.strip():
        raise BadTable(f"{path}: the file is empty; expected a header and flights; fetch or export it again")
    return data


def digest_of(*files: bytes) -> str:
    """Give the SHA-256, in hexadecimal, of the bytes of one or several files after one another."""
    total = hashlib.sha256()
    for data in files:
        total.update(data)
    return total.hexdigest()
