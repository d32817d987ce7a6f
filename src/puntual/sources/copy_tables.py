"""Tables of flights between a folder and a bucket."""

from collections.abc import Sequence
from pathlib import PurePath

from puntual.errors import TableError
from puntual.storage import Copied, Progress, Store, copy

# Named here, since copying needs no library of tables.
TABLES = frozenset({".csv", ".json", ".jsonl", ".ndjson", ".parquet", ".pq", ".xlsx", ".zip"})


def copy_tables(
    source: Store,
    target: Store,
    names: Sequence[str] = (),
    *,
    force: bool = False,
    progress: Progress | None = None,
) -> list[Copied]:
    """Copy tables by name, or all of them; raise TableError where there is none.

    Raise StorageError for one that differs from what the target holds under its name, unless `force`.
    """
    names = names or [name for name in source.names() or () if PurePath(name).suffix.lower() in TABLES]
    if not names:
        raise TableError(
            f"{source.url}: no tables; expected files that end in {', '.join(sorted(TABLES))}; name one"
        )
    return copy(source, target, names, force=force, progress=progress)
