"""A file is written whole or not at all, with the permissions it should have, and no draft stays behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from puntual.errors import StorageError
from puntual.storage import open_store
from puntual.storage.atomic_write import atomic_write
from puntual.storage.state_folder import make_private


@pytest.fixture(params=["unnamed", "named"])
def drafts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both kinds of system: those that know files without a name, and those that do not."""
    if request.param == "named":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)


@pytest.mark.usefixtures("drafts")
def test_a_file_is_replaced_at_the_end_of_the_block(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    with atomic_write(path) as file:
        file.write(b"two")
        assert path.read_bytes() == b"one"
    assert ([name.name for name in tmp_path.iterdir()], path.read_bytes()) == (["a"], b"two")


@pytest.mark.usefixtures("drafts")
def test_a_block_that_fails_leaves_the_former_file_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    with pytest.raises(ZeroDivisionError), atomic_write(path) as file:
        file.write(b"two")
        raise ZeroDivisionError
    assert ([name.name for name in tmp_path.iterdir()], path.read_bytes()) == (["a"], b"one")


@pytest.mark.usefixtures("drafts")
def test_a_file_that_is_there_stays_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for content in (b"one", b"two"):
        try:
            with atomic_write(path, replace=False) as file:
                file.write(content)
        except FileExistsError:
            assert content == b"two"
    assert ([name.name for name in tmp_path.iterdir()], path.read_bytes()) == (["a"], b"one")


@pytest.mark.usefixtures("drafts")
@pytest.mark.parametrize(("mode", "expected"), [(0o600, 0o600), (0o666, 0o640)])
def test_permissions_are_those_asked_for_less_the_umask(tmp_path: Path, mode: int, expected: int) -> None:
    former = os.umask(0o027)
    try:
        with atomic_write(tmp_path / "a", mode=mode) as file:
            file.write(b"")
    finally:
        os.umask(former)
    assert (tmp_path / "a").stat().st_mode & 0o777 == expected


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no files without a name")
def test_a_process_killed_while_it_writes_leaves_nothing(tmp_path: Path) -> None:
    code = """
import sys
import threading
import time
from pathlib import Path
from puntual.storage.atomic_write import atomic_write
with atomic_write(Path(sys.argv[1]) / "a") as file:
    file.write(b"one")
    file.flush()
    print("written", flush=True)
    sys.stdin.read()
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"written\n"
        os.kill(process.pid, signal.SIGKILL)
    assert list(tmp_path.iterdir()) == []


def test_what_killed_writers_left_is_swept_once_it_is_old_and_nothing_else_is(tmp_path: Path) -> None:
    now = time.time()
    draft = ".model_to_deploy.pkl.0123456789abcdef.tmp"
    ages = {draft: 3_700, f".a{draft}": 3_500, ".mine.tmp": 9_999, "plain.0123456789abcdef.tmp": 9_999}
    for name, age in ages.items():
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (now - age, now - age))
    (tmp_path / ".folder.0123456789abcdef.tmp").mkdir()
    os.utime(tmp_path / ".folder.0123456789abcdef.tmp", (now - 9_999, now - 9_999))
    open_store(tmp_path).write("model_to_deploy", b"one")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {*ages, ".folder.0123456789abcdef.tmp", "model_to_deploy"} - {draft}


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="missing"), atomic_write(tmp_path / "missing" / "a"):
        pass


@pytest.mark.parametrize("url", ["gopher://models", "memory://models", "gs://bucket/models"])
def test_a_url_that_is_neither_folder_nor_bucket_is_refused_with_what_is(url: str) -> None:
    with pytest.raises(StorageError, match=rf"'{url}': .* not supported; give a folder, file://.* or s3://"):
        open_store(url)


def test_a_private_folder_is_closed_to_others_but_one_for_all_is_left(tmp_path: Path) -> None:
    modes = {}
    for name, mode in {"new": None, "open": 0o755, "for all": 0o1777}.items():
        folder = tmp_path / name
        if mode is not None:
            folder.mkdir()
            folder.chmod(mode)
        make_private(folder)
        modes[name] = folder.stat().st_mode & 0o7777
    assert modes == {"new": 0o700, "open": 0o700, "for all": 0o1777}


@pytest.mark.parametrize("folder", [".", "/"])
def test_a_folder_without_a_name_is_no_file_to_write(folder: str) -> None:
    with pytest.raises(IsADirectoryError), atomic_write(Path(folder)):
        pytest.fail("there is nothing to write to")


@pytest.mark.usefixtures("drafts")
def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link, chained = tmp_path / "there" / "a", tmp_path / "link", tmp_path / "chained"
    target.write_bytes(b"one")
    link.symlink_to(target)
    chained.symlink_to("link")
    for path, content in ((link, b"two"), (chained, b"three")):
        with atomic_write(path) as file:
            file.write(content)
        assert (path.is_symlink(), target.is_symlink(), target.read_bytes()) == (True, False, content)
    assert [name.name for name in (tmp_path / "there").iterdir()] == ["a"]


@pytest.mark.usefixtures("drafts")
def test_a_link_that_leads_nowhere_yet_is_filled_but_is_in_the_way_of_a_new_file(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "a")
    with pytest.raises(FileExistsError), atomic_write(link, replace=False) as file:
        file.write(b"one")
    with atomic_write(link) as file:
        file.write(b"two")
    assert (link.is_symlink(), (tmp_path / "a").read_bytes()) == (True, b"two")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have names on POSIX alone")
def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    with atomic_write(pipe) as file:
        file.write(b"one")
    reader.join()
    assert (read, pipe.is_fifo()) == ([b"one"], True)
