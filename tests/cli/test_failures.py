"""A command line that cannot work ends with one message that says what to do, and never in a traceback."""

import os
import re
import shlex
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from flights_made import make_flights
from puntual.cli import main

NAMES = ("airline", "flight_number", "origin", "destination", "scheduled_departure")


@pytest.fixture
def folder(tmp_path: Path, made_registry: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a registry and a table of 3,600 flights."""
    monkeypatch.chdir(tmp_path)
    Path("models").symlink_to(made_registry)
    make_flights().select(NAMES).write_csv("flights.csv")
    Path("map.toml").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("line", "status", "message"),
    [
        ("train --source nyc --seed -1", 2, "-1 is not in the range 0<=x<=4294967295"),
        ("train --source nyc --seed 99999999999", 2, "is not in the range"),
        ("train --source nyc --seed one", 2, "'one' is not a valid integer range"),
        ("train --source nyc --tune nan", 2, "nan is no number of minutes"),
        ("train --source nyc --tune inf", 2, "inf is no number of minutes"),
        ("train --source nyc --tune -1", 2, "-1.0 is not in the range x>=0"),
        ("train --source nyc --candidates oak", 2, "candidate 'oak' is unknown"),
        ("train --source nyc --from 2013-06-01 --until 2013-01-01", 2, "does not come after --from"),
        ("train --source nyc --from soon", 2, "'soon' does not match the formats"),
        ("train --source anac", 2, "'anac' is not one of 'nyc', 'scl', 'bts', 'table'"),
        ("train --source table", 1, "expected --data PATH"),
        ("train --source table --data flights.csv", 1, "needs a map of its columns"),
        ("train --source table --data flights.csv --map map.toml", 1, "map.toml: the map is empty"),
        ("train --source scl --data nowhere.csv", 1, "nowhere.csv: no such file"),
        ("train --source scl --data nowhere.csv --cost foo", 2, "cost 'foo': 'foo' is no part of a cost"),
        ("train --source scl --data nowhere.csv --cost precision=2", 2, "precision is 2, not a share"),
        ("train --source scl --data nowhere.csv --candidates oak", 2, "candidate 'oak' is unknown"),
        ("train --source scl --data nowhere.csv --registry flights.csv", 1, "flights.csv"),
        ("train --source scl --data nowhere.csv --registry flights.csv/models", 1, "must be a folder"),
        ("train --source scl --data nowhere.csv --reports flights.csv/reports", 1, "must be a folder"),
        ("train --source scl --data nowhere.csv --registry ftp://host/x", 1, "ftp:// is not supported"),
        ("train --source scl --data .", 1, "flights.csv: column 'Fecha-I' is missing"),
        ("train --source scl --data nothing*", 1, "nothing*: no tables of flights are there"),
        ("train --source scl --data flights.csv", 1, "column"),
        ("train", 2, "Missing option '--source'"),
        (
            "evaluate --source nyc --from 2014-01-01 --until 2013-01-01 --bundle BUNDLE",
            2,
            "does not come after",
        ),
        ("predict flights.csv --bundle BUNDLE", 2, "Missing option '-o'"),
        ("predict flights.csv -o out.txt --bundle BUNDLE", 1, "the ending '.txt' names no format"),
        ("predict flights.csv -o nowhere/out.csv --bundle BUNDLE", 1, "each folder of it must be there"),
        ("predict flights.csv -o flights.csv/out.csv --bundle BUNDLE", 1, "must be a folder"),
        ("predict flights.csv -o out.csv --bundle ffff", 1, "version 'ffff' is not in registry"),
        ("predict flights.csv -o out.csv", 1, "no champion yet"),
        ("predict flights.csv -o out.csv --as-of today --bundle BUNDLE", 2, "does not match the formats"),
        ("predict flights.csv -o out.csv --map map.toml --bundle BUNDLE", 2, "--map needs --source"),
        ("predict nowhere.csv -o out.csv --bundle BUNDLE", 1, "nowhere.csv: no such file"),
        ("predict . -o out.csv --bundle BUNDLE", 1, "name a file, not a folder"),
        ("predict flights.csv -o out.csv --past nowhere.csv --bundle BUNDLE", 1, "nowhere.csv: no such file"),
        ("models show ffff", 1, "version 'ffff' is not in registry"),
        ("models show flights.csv", 1, "expected the whole ZIP file"),
        ("models list --registry nowhere", 1, "registry nowhere: no such folder"),
        ("models list --registry flights.csv", 1, "must be a folder"),
        ("models promote", 2, "Missing argument 'VERSION'"),
        ("models rollback", 1, "no champion yet"),
        ("models push --to flights.csv --all", 1, "must be a folder"),
        ("models pull --from nowhere", 1, "registry nowhere: no champion yet"),
        ("data push --to copied --folder nowhere", 1, "nowhere: no tables"),
        ("data push nothing.csv --to copied --folder .", 1, "no such file"),
        ("export --mlflow flights.csv --bundle BUNDLE", 1, "there is something already"),
        ("serve --port 99999", 2, "99999 is not in the range"),
        ("serve --host 0.0.0.0 --state empty --bundle BUNDLE", 1, "there is no key"),
        ("serve --timetable nowhere.csv --bundle BUNDLE", 1, "nowhere.csv"),
        ("stress --requests 0", 2, "0 is not in the range"),
        ("stress --url http://127.0.0.1:1 --bundle BUNDLE", 2, "exclude each other"),
        ("keys create two_words --state flights.csv", 1, "flights.csv"),
        ("keys list --state flights.csv", 1, "must be a folder"),
        ("keys revoke nobody --state empty", 1, "no key is called 'nobody'"),
        ("webhook test nowhere", 1, "no address of a service"),
        ("settings more", 2, "unexpected extra argument (more)"),
        ("bundles", 2, "No such command 'bundles'"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_wrong_command_line_says_what_is_wrong_with_it(made_bundle, line, status, message, monkeypatch):
    monkeypatch.setenv("PUNTUAL_WEBHOOK_SECRET", "secret")
    result = CliRunner().invoke(main, line.replace("BUNDLE", made_bundle.version).split())
    assert (result.exit_code, type(result.exception)) == (status, SystemExit), result.output
    assert message in result.stderr
    assert "None" not in result.stderr


def puntual(line: str, folder: Path, stdout: int | None = subprocess.PIPE) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "puntual", *line.split()], cwd=folder, stdout=stdout, stderr=subprocess.PIPE
    )


def errors_of(process: subprocess.Popen[bytes]) -> str:
    return process.communicate()[1].decode()


@pytest.mark.parametrize(
    "line",
    [
        *("settings", "models list", "models show BUNDLE", "--help"),
        *(f"predict flights.csv -o - --bundle BUNDLE --format {form}" for form in ("csv", "json", "parquet")),
    ],
)
def test_an_answer_whose_reader_is_gone_ends_without_an_error(folder, made_bundle, line):
    reading, writing = os.pipe()
    os.close(reading)
    process = puntual(line.replace("BUNDLE", made_bundle.version), folder, writing)
    os.close(writing)
    # How far it came and what it noticed about the flights may stand there.
    messages = errors_of(process)
    assert not re.search("error|traceback|pipe", messages, re.IGNORECASE), messages


def test_a_result_is_whole_though_the_reader_of_messages_is_gone(folder, made_bundle):
    reading, writing = os.pipe()
    os.close(reading)
    line = f"predict flights.csv -o - --bundle {made_bundle.version} --format csv"
    command = [sys.executable, "-m", "puntual", *line.split()]
    ended = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=writing, timeout=300, check=False
    )
    os.close(writing)
    assert (ended.returncode, len(ended.stdout.splitlines())) == (0, 3_601)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is always full")
@pytest.mark.parametrize("line", ["settings", "--help", "predict flights.csv -o - --bundle BUNDLE"])
def test_a_full_disk_is_said_with_what_to_do(folder, made_bundle, line):
    with Path("/dev/full").open("wb") as full:
        message = errors_of(puntual(line.replace("BUNDLE", made_bundle.version), folder, full))
    assert "no space left on device; make room there, or name another place" in message
    assert "Traceback" not in message
    assert "None" not in message


@pytest.mark.skipif(sys.platform == "win32", reason="the shell that closes a stream is POSIX's")
@pytest.mark.parametrize(
    ("line", "closed", "message"),
    [
        ("sources", ">&-", "standard output is closed; redirect it"),
        ("predict flights.csv -o - --bundle BUNDLE", ">&-", "standard output is closed; redirect it"),
        ("predict - -o - --bundle BUNDLE", "<&-", "standard input: it is closed; pipe a table into it"),
    ],
)
def test_a_stream_that_is_closed_is_said(folder, made_bundle, line, closed, message):
    call = f"{shlex.quote(sys.executable)} -m puntual {line.replace('BUNDLE', made_bundle.version)} {closed}"
    ended = subprocess.run(["sh", "-c", call], cwd=folder, capture_output=True, text=True, check=False)
    assert (ended.returncode, "Traceback" in ended.stderr) == (1, False)
    assert message in ended.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is always full")
@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("form", ["csv", "xlsx", "parquet", "json"])
def test_a_table_for_which_there_is_no_room_names_the_file(made_bundle, monkeypatch, form):
    @contextmanager
    def full_disk(_):
        with Path("/dev/full").open("wb", buffering=0) as file:
            yield file

    monkeypatch.setattr("puntual.prediction.table_io.atomic_write", full_disk)
    result = CliRunner().invoke(
        main, ["predict", "flights.csv", "-o", f"out.{form}", "--bundle", made_bundle.version]
    )
    assert result.exit_code == 1
    assert f"out.{form}: no space left on device; make room there" in result.stderr


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "full", [MemoryError(), ImportError("libpolars.so: failed to map segment from shared object")]
)
def test_a_memory_that_is_full_is_said(made_bundle, monkeypatch, full):
    def too_much(*_: object, **__: object) -> None:
        raise full

    monkeypatch.setattr("puntual.prediction.table_io.read_table", too_much)
    result = CliRunner().invoke(
        main, ["predict", "flights.csv", "-o", "out.csv", "--bundle", made_bundle.version]
    )
    assert (result.exit_code, type(result.exception)) == (1, SystemExit)
    assert "the memory is full" in result.stderr
