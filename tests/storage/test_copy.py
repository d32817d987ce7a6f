"""Files are copied whole or not at all, a killed copy leaves nothing behind, and no other file is written over."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bucket_between import Between, between
from puntual.cli import main
from puntual.errors import BundleError, StorageError
from puntual.registry import Registry, pull, push
from puntual.storage import FileStat, copy, open_store

NAME = "dataset_SCL.csv"
# Three parts of 8 MiB and a rest.
LARGE = bytes(range(256)) * (26 * 4_096)


@pytest.fixture
def front(s3_server: str, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Between]:
    """What stands in front of the bucket."""
    del bucket
    with between(s3_server) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        yield server


def puntual(*words: str) -> Any:
    result = CliRunner().invoke(main, [*words, "--json"])
    assert result.exit_code == 0, result.output
    return [(one["name"], one["sent"]) for one in json.loads(result.stdout)["files"]]


def refused(*words: str) -> str:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1
    return result.output


def kill_when(holds: Callable[[], bool], *words: str) -> None:
    """Run a command and kill it as soon as something holds."""
    with subprocess.Popen([sys.executable, "-m", "puntual", *words]) as process:
        end = time.monotonic() + 60
        while not holds():
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)


def test_tables_go_to_the_bucket_and_come_back(bucket: str, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    (here / NAME).write_bytes(b"flights")
    (here / "README.md").write_text("no table")
    up = ("data", "push", "--folder", str(here), "--to", f"{bucket}/data")
    assert (puntual(*up), puntual(*up)) == ([(NAME, True)], [(NAME, False)])
    down = ("data", "pull", NAME, "--folder", str(there), "--from", f"{bucket}/data")
    assert (puntual(*down), puntual(*down)) == ([(NAME, True)], [(NAME, False)])
    assert [(path.name, path.read_bytes()) for path in there.iterdir()] == [(NAME, b"flights")]


def test_a_table_that_differs_is_kept_unless_forced(bucket: str, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"mine")
    open_store(bucket).write(NAME, b"theirs")
    for words in (("push", "--to"), ("pull", "--from")):
        command = ("data", words[0], words[1], bucket, "--folder", str(tmp_path))
        assert "holds another file" in refused(*command)
    assert ((tmp_path / NAME).read_bytes(), open_store(bucket).read(NAME)) == (b"mine", b"theirs")
    assert puntual("data", "pull", "--from", bucket, "--folder", str(tmp_path), "--force") == [(NAME, True)]
    assert (tmp_path / NAME).read_bytes() == b"theirs"


def test_a_table_that_is_not_there_and_an_empty_folder_are_told(bucket: str, tmp_path: Path) -> None:
    assert "none.csv: no such file" in refused(
        "data", "pull", "none.csv", "--from", bucket, "--folder", str(tmp_path)
    )
    assert "no tables; expected files that end" in refused(
        "data", "push", "--to", bucket, "--folder", str(tmp_path)
    )


def test_a_pull_killed_half_way_leaves_nothing_and_is_repeated(
    front: Between, bucket: str, tmp_path: Path
) -> None:
    open_store(bucket).write(NAME, LARGE)
    front.stall = lambda _: len(LARGE) // 2
    command = ("data", "pull", "--from", bucket, "--folder", str(tmp_path))
    kill_when(lambda: front.count("GET", NAME) > 0, *command)
    assert list(tmp_path.iterdir()) == []
    front.stall = lambda _: None
    assert puntual(*command) == [(NAME, True)]
    assert (tmp_path / NAME).read_bytes() == LARGE
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_push_killed_half_way_puts_nothing_in_place_and_is_repeated(
    front: Between, bucket: str, tmp_path: Path
) -> None:
    (tmp_path / NAME).write_bytes(LARGE)
    command = ("data", "push", "--to", bucket, "--folder", str(tmp_path))
    front.seconds = lambda path: 5 if "partNumber=3" in path else 0
    kill_when(lambda: front.count("PUT", "partNumber=3") > 0, *command)
    assert (open_store(bucket).read(NAME), open_store(bucket).names()) == (None, [])
    front.seconds = lambda _: 0
    assert puntual(*command) == [(NAME, True)]
    assert open_store(bucket).stat(NAME) == FileStat.of(LARGE)
    assert open_store(bucket).read(NAME) == LARGE


def test_a_large_file_that_is_new_takes_no_place_of_another(bucket: str) -> None:
    target = open_store(bucket)
    target.write(NAME, b"theirs")
    with pytest.raises(StorageError, match="it changed meanwhile: look again and repeat"):
        target.receive(NAME, FileStat.of(LARGE), iter([LARGE]), lambda _: None, new=True)
    assert target.read(NAME) == b"theirs"
    target.receive(NAME, FileStat.of(LARGE), iter([LARGE]), lambda _: None, new=False)
    assert target.read(NAME) == LARGE


def test_a_large_file_tells_how_far_it_is_and_arrives_whole_or_not_at_all(bucket: str, s3: Any) -> None:
    target, progress = open_store(bucket), []
    with pytest.raises(StorageError, match="nothing was put in place: repeat it"):
        target.receive(NAME, FileStat.of(LARGE), iter([LARGE[:-1], b"x"]), progress.append, new=True)
    assert (target.names(), s3.list_multipart_uploads(Bucket=bucket[5:]).get("Uploads")) == ([], None)
    progress.clear()
    # Pieces of no round size, as a transfer brings them.
    pieces = (LARGE[start : start + 1_000_003] for start in range(0, len(LARGE), 1_000_003))
    target.receive(NAME, FileStat.of(LARGE), pieces, progress.append, new=True)
    assert (progress == sorted(progress), progress[-1]) == (True, len(LARGE))
    assert target.read(NAME) == LARGE


def test_what_arrives_altered_is_not_put_in_place(bucket: str, s3: Any, tmp_path: Path) -> None:
    false = {"sha256": "0" * 64}
    s3.put_object(Bucket=bucket[5:], Key=NAME, Body=b"flights", Metadata=false)
    with pytest.raises(StorageError, match=f"arrived, expected 7 with {'0' * 64}; nothing was put in place"):
        copy(open_store(bucket), open_store(tmp_path), [NAME])
    assert list(tmp_path.iterdir()) == []


def test_the_champion_goes_to_the_bucket_with_its_estimator_and_comes_back(
    bucket: str, tmp_path: Path, make_bundle: Any
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    one, other = (Registry(here).publish(make_bundle(card=f"# {name}"), b"pickle") for name in ("1", "2"))
    assert (
        CliRunner().invoke(main, ["models", "push", "--registry", str(here), "--to", bucket]).exit_code == 1
    )
    at = ("--registry", str(here))
    assert puntual("models", "push", one[:6], *at, "--to", bucket) == [
        (f"{one}.pkl", True),
        (f"{one}.puntual", True),
    ]
    every = dict(puntual("models", "push", "--all", *at, "--to", bucket))
    assert every == {
        f"{one}.pkl": False,
        f"{one}.puntual": False,
        f"{other}.pkl": True,
        f"{other}.puntual": True,
    }
    assert (
        dict(puntual("models", "pull", "--all", "--registry", str(there), "--from", bucket)).keys()
        == every.keys()
    )
    for version in (one, other):
        assert (there / f"{version}.puntual").read_bytes() == (here / f"{version}.puntual").read_bytes()
        assert (there / f"{version}.pkl").read_bytes() == b"pickle"


def test_a_broken_bundle_is_neither_sent_nor_kept(bucket: str, tmp_path: Path, make_bundle: Any) -> None:
    here, there = Registry(tmp_path / "here"), Registry(tmp_path / "there")
    version = here.publish(make_bundle())
    whole = here.store.read(f"{version}.puntual") or b""
    here.store.write(f"{version}.puntual", whole[:100])
    with pytest.raises(BundleError, match="truncated"):
        push(here, Registry(bucket), [version])
    open_store(bucket).write(f"{version}.puntual", whole[:100])
    with pytest.raises(BundleError, match="truncated"):
        pull(there, Registry(bucket), [version])
    assert there.store.names() == []
