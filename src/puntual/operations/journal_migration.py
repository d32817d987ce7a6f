"""Creates a journal, or brings that of a former release up to date, by one process at a time and without loss.

Each step adds what a former release that still runs can leave out, and may be repeated after it was cut short.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from puntual.operations.journal_schema import METADATA, REVISIONS, VERSION_TABLE, VERSIONS
from puntual.storage.file_lock import file_lock

MIGRATIONS = Path(__file__).with_name("migrations")
# Any number that nobody else locks in the same database: "puntual" as bytes.
_ADVISORY_LOCK = int.from_bytes(b"puntual")


def migrate(engine: Engine, file: Path | None) -> None:
    """Create the journal, or migrate it unless it is up to date; `file` is where SQLite keeps it.

    Raises what the driver raises.
    """
    with engine.connect() as connection:
        if not _is_outdated(connection):
            return
    with _locked_file(file), engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # Held until the transaction ends, which is all or nothing there.
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
        # Whoever held the lock before may have migrated.
        if _is_empty(connection):
            _create(connection)
        elif _is_outdated(connection):
            _run_migrations(connection)


def _is_empty(connection: Connection) -> bool:
    inspector = sa.inspect(connection)
    return not any(inspector.has_table(name) for name in METADATA.tables)


def _create(connection: Connection) -> None:
    """Create what the migrations end in, without Alembic, which takes 12 MB that a worker would hold ever after."""
    METADATA.create_all(connection)
    connection.execute(sa.insert(VERSIONS).values(version_num=REVISIONS[-1]))


def _is_outdated(connection: Connection) -> bool:
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return True
    revision = connection.scalar(sa.select(VERSIONS.c.version_num))
    return revision is None or revision in REVISIONS[:-1]


def _run_migrations(connection: Connection) -> None:
    # Loaded only where there is something to migrate.
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(MIGRATIONS))
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    current = context.get_current_revision() or "base"
    with Operations.context(context):
        for step in reversed(list(scripts.iterate_revisions("head", current))):
            step.module.upgrade()
            context.stamp(scripts, step.revision)


@contextmanager
def _locked_file(file: Path | None) -> Iterator[None]:
    if file is None:
        yield
        return
    with file_lock(file.with_name(f".{file.name}.lock"), mode=0o600):
        # Former releases let all users read the journal.
        for name in (file.name, f"{file.name}-wal", f"{file.name}-shm"):
            with suppress(FileNotFoundError):
                file.with_name(name).chmod(0o600)
        yield
