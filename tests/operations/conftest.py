"""A PostgreSQL of its own, where this machine has one."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

# Who may run PostgreSQL where root may not.
UNPRIVILEGED = ("postgres", "nobody")


def programs() -> Path | None:
    """Find the folder of initdb and pg_ctl, which Debian keeps from the path."""
    initdb = shutil.which("initdb")
    installed = [Path(initdb).parent] if initdb else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((folder for folder in reversed(installed) if (folder / "pg_ctl").exists()), None)


def owner() -> pwd.struct_passwd | None:
    """Name the user that the server is run as: this one, but for root."""
    if os.getuid():
        return pwd.getpwuid(os.getuid())
    present = {user.pw_name: user for user in pwd.getpwall()}
    return next((present[name] for name in UNPRIVILEGED if name in present), None)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[sa.URL]:
    """Run a PostgreSQL in a folder of its own, and give its URL."""
    pytest.importorskip("psycopg", reason="psycopg is not installed (the extra `postgres`)")
    folder, user = programs(), owner()
    if folder is None or user is None:
        pytest.skip(
            "PostgreSQL's initdb and pg_ctl are not installed, or no user but root is there to run them"
        )
    # Of a short name, since a socket's path may have a hundred letters at most.
    with tempfile.TemporaryDirectory(prefix="pg-") as place:
        os.chown(place, user.pw_uid, user.pw_gid)
        data, port = f"{place}/data", free_port()

        def run(program: str, *words: str) -> None:
            subprocess.run(
                [folder / program, "-D", data, *words],
                user=user.pw_uid, group=user.pw_gid, cwd=place, check=True, stdout=subprocess.DEVNULL,
                extra_groups=[] if os.getuid() == 0 else None,
            )  # fmt: skip

        run("initdb", "--auth", "trust", "--username", "puntual", "--encoding", "UTF8", "--no-sync")
        options = f"-p {port} -k {place} -c listen_addresses=127.0.0.1 -c fsync=off"
        run("pg_ctl", "start", "-w", "-l", f"{place}/log", "-o", options)
        try:
            yield sa.URL.create(
                "postgresql+psycopg", "puntual", host="127.0.0.1", port=port, database="postgres"
            )
        finally:
            run("pg_ctl", "stop", "-w", "-m", "immediate")


@pytest.fixture
def postgresql(postgresql_server: sa.URL, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the URL of an empty database."""
    name = "".join(letter if letter.isalnum() else "_" for letter in request.node.name.lower())[-60:]
    engine = sa.create_engine(postgresql_server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    engine.dispose()
    yield postgresql_server.set(database=name).render_as_string(hide_password=False)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
