"""The files that one table lies in: a file, all tables of a folder, or what a pattern such as `*.csv` matches."""

import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote

from puntual.errors import StorageError, TableError
from puntual.sources.files import Place, suffix_of
from puntual.storage import Store, open_store

PARQUET = (".parquet", ".pq")
CSV_OR_PARQUET = (".csv", *PARQUET)
_PATTERN = re.compile(r"[*?\[]")
# How a folder of a partitioned table is called: `year=2017`.
_PARTITION = re.compile(r"([A-Za-z_][A-Za-z0-9_ ]*)=(.*)")
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


class TableFiles(NamedTuple):
    """The files of one table in the order of their names, and what messages call them all and each.

    `store` holds them where they were listed from one; a single file that was named is read by its path or URL.
    """

    table: str
    places: tuple[Place, ...]
    names: tuple[str, ...]
    store: Store | None = None


def files_of(
    data: Place, endings: Sequence[str], is_flights: Callable[[str], bool] = lambda _: True
) -> TableFiles:
    """Find the files of a table; raise TableError for a folder or a pattern without any.

    A folder is looked through with all folders in it, for names that end in one of `endings` and are `is_flights`; what
    begins with a point or an underscore is none. A URL names a folder where it ends in no format, or in a slash.
    """
    if _is_file(data, endings):
        return TableFiles(str(data), (data,), (str(data),))
    root, pattern = _root(str(data))
    try:
        store = open_store(root)
        names = [name for name in store.walk() if _is_table(name, endings)]
    except StorageError as failure:
        raise TableError(f"{failure}; expected tables of flights") from failure
    fitting = [name for name in names if _fits(name, pattern)] if pattern else names
    fitting = [name for name in fitting if is_flights(PurePosixPath(name).name)]
    if not fitting:
        raise TableError(
            f"{data}: no tables of flights are there; expected files that end in {', '.join(endings)}; check the path"
        )
    is_local = isinstance(data, Path)
    places = tuple(Path(root) / name if is_local else f"{root.rstrip('/')}/{name}" for name in fitting)
    return TableFiles(str(data), places, tuple(fitting), store)


def partition_of(place: Place) -> dict[str, str | None]:
    """Read the columns that the folders of a partitioned table carry in their names.

    >>> partition_of("s3://flights/year=2017/month=1/part.parquet")
    {'year': '2017', 'month': '1'}
    """
    folders = str(place).replace("\\", "/").split("/")[:-1]
    pairs = (match.groups() for folder in folders if (match := _PARTITION.fullmatch(folder)))
    return {name: None if value == _NO_VALUE else unquote(value) for name, value in pairs}


def _is_file(data: Place, endings: Sequence[str]) -> bool:
    if isinstance(data, Path):
        # A name may hold a bracket and be no pattern; what is not there at all is missed when it is read.
        return data.is_file() or not (data.is_dir() or _PATTERN.search(str(data)))
    return not _PATTERN.search(data) and (suffix_of(data) in endings or "." in data.rpartition("/")[2])


def _root(data: str) -> tuple[str, str]:
    """Part a place at the first folder that is a pattern.

    >>> _root("s3://flights/year=20*/part.parquet"), _root("data/2017")
    (('s3://flights', 'year=20*/part.parquet'), ('data/2017', ''))
    """
    wildcard = _PATTERN.search(data)
    if wildcard is None:
        return data.rstrip("/") or "/", ""
    root, _, _ = data[: wildcard.start()].rpartition("/")
    return root or ("/" if data.startswith("/") else "."), data[len(root) :].lstrip("/")


def _is_table(name: str, endings: Sequence[str]) -> bool:
    hidden = any(part.startswith((".", "_")) for part in PurePosixPath(name).parts)
    return not hidden and suffix_of(name) in endings


def _fits(name: str, pattern: str) -> bool:
    """Compare a name with a pattern, folder by folder; `**` stands for any folders, or none.

    >>> _fits("2017/a.csv", "*/*.csv"), _fits("2017/a.csv", "*.csv"), _fits("2017/1/a.csv", "**/*.csv")
    (True, False, True)
    """
    return _match(name.split("/"), pattern.split("/"))


def _match(parts: list[str], patterns: list[str]) -> bool:
    if patterns[:1] == ["**"]:
        return _match(parts, patterns[1:]) or (bool(parts) and _match(parts[1:], patterns))
    if not patterns or not parts:
        return not patterns and not parts
    return fnmatchcase(parts[0], patterns[0]) and _match(parts[1:], patterns[1:])
