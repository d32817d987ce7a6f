"""A folder appears whole or not at all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from puntual.errors import StorageError
from puntual.storage.atomic_folder import atomic_folder

KILLED = """
import sys
from pathlib import Path
from puntual.storage.atomic_folder import atomic_folder
with atomic_folder(Path(sys.argv[1])) as draft:
    (draft / "half").write_text("")
    print("half", flush=True)
    sys.stdin.read()
"""


def test_a_folder_takes_its_place_when_all_is_written(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "whole") as draft:
        (draft / "a").write_text("a")
        assert not (tmp_path / "whole").exists()
    assert [path.name for path in (tmp_path / "whole").iterdir()] == ["a"]
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), atomic_folder(tmp_path / "half") as draft:
        (draft / "a").write_text("a")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_writer_left_is_cleared_by_the_next(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "folder")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as writer:
        assert writer.stdout is not None and writer.stdout.readline() == b"half\n"
        os.kill(writer.pid, signal.SIGKILL)
    assert not (tmp_path / "folder").exists()
    with atomic_folder(tmp_path / "folder") as draft:
        (draft / "whole").write_text("")
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["whole"]


def test_what_is_there_already_is_refused_and_stays(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine").write_text("mine")
    with (
        pytest.raises(StorageError, match="it is there already; expected a new folder"),
        atomic_folder(tmp_path / "there"),
    ):
        pass
    assert (tmp_path / "there" / "mine").read_text() == "mine"


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with atomic_folder(tmp_path / "empty") as draft:
        (draft / "a").write_text("")
    assert (tmp_path / "empty" / "a").exists()
