"""Names of files under a URL: none leads out of it."""

import re

from puntual.errors import StorageError

# On Windows `C:x` and `a\..\b` lead elsewhere too, and a bucket may hold files of any name.
_STRANGE = re.compile(r"[\x00-\x1f\x7f\\]|^[A-Za-z]:")


def require_within(url: str, name: str) -> str:
    r"""Give a name back that stays under the URL; raise StorageError for one that could lead out of it.

    >>> require_within("data", "promotions/000001.json")
    'promotions/000001.json'
    >>> require_within("data", "../flights.csv")
    Traceback (most recent call last):
    ...
    puntual.errors.StorageError: '../flights.csv': leads out of data; name a file in it, ...
    """
    parts = name.split("/")
    if _STRANGE.search(name) or any(part in {"", ".", ".."} for part in parts):
        raise StorageError(
            f"{name!r}: leads out of {url}; name a file in it, such as flights.csv, without '..', drive letters, "
            "backslashes or control characters"
        )
    return name
