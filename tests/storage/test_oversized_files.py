"""A file that is larger than any of its kind is judged by its size before it is read, and read no further."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bucket_between import Between, between
from puntual.errors import BundleError, OversizedFileError, StorageError
from puntual.registry import LARGEST, Registry, read
from puntual.storage import FileStat, Store, open_store
from puntual.storage.base import LARGEST_NOTE

VERSION = "0123456789abcdef"


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return open_store(tmp_path if request.param == "folder" else request.getfixturevalue("bucket"))


@pytest.fixture
def front(bucket: str, s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Store, Between]]:
    with between(s3_server) as watched:
        monkeypatch.setenv("AWS_ENDPOINT_URL", watched.url)
        yield open_store(bucket), watched


def test_what_is_larger_is_refused_with_its_size_and_what_is_as_large_is_read(store: Store) -> None:
    store.write("a", b"x" * 1_000)
    assert store.read("a", 1_000) == b"x" * 1_000
    with pytest.raises(
        OversizedFileError, match=r"1,000 bytes or more; expected at most 999; put the right file"
    ):
        store.read("a", 999)


def test_a_pointer_or_a_record_of_megabytes_is_none(store: Store) -> None:
    store.write("model_to_deploy", bytes(LARGEST_NOTE + 1))
    with pytest.raises(StorageError, match="expected at most 1,048,576"):
        Registry(store.url).deployment()


def test_nothing_of_an_oversized_object_is_fetched(front: tuple[Store, Between]) -> None:
    store, between_them = front
    store.write("a", bytes(2**20))
    # After so many bytes the connection would fall silent, and the read end in half a minute.
    between_them.stall = lambda path: 1 if path.endswith("/a") else None
    with pytest.raises(OversizedFileError):
        store.read("a", 2**20 - 1)


def test_a_bundle_of_half_a_gigabyte_is_refused_unread_wherever_it_lies(tmp_path: Path) -> None:
    file = tmp_path / f"{VERSION}.puntual"
    with file.open("wb") as sparse:
        sparse.truncate(LARGEST + 1)
    for reading in (lambda: read(file), lambda: Registry(tmp_path).read(VERSION)):
        with pytest.raises(BundleError, match=r"536,870,913 bytes or more; expected at most 536,870,912"):
            reading()
    assert not Registry(tmp_path).holds(VERSION)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have names on POSIX alone")
def test_a_file_that_tells_no_size_is_read_no_further_than_it_may_be_large(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a")

    def write() -> None:
        with pytest.raises(BrokenPipeError), (tmp_path / "a").open("wb", buffering=0) as pipe:
            while True:
                pipe.write(bytes(2**16))

    writer = threading.Thread(target=write)
    writer.start()
    with pytest.raises(OversizedFileError):
        open_store(tmp_path).read("a", 2**20)
    writer.join()


def test_a_source_that_never_ends_is_cut_off_and_nothing_put_in_place(store: Store) -> None:
    given = 0

    def endless() -> Iterator[bytes]:
        nonlocal given
        while given < 2**30:
            given += 2**16
            yield bytes(2**16)

    expected = FileStat(2**17, "0" * 64)
    with pytest.raises(StorageError, match="expected 131,072"):
        store.receive("a", expected, endless(), lambda _: None, new=True)
    assert given <= 2**18
    assert store.read("a") is None


def test_a_timetable_on_starting_is_held_to_the_limit_of_one_that_is_put(tmp_path: Path) -> None:
    from puntual.api.server import take_timetable
    from puntual.errors import TableError
    from puntual.settings import Settings

    (tmp_path / "coming.csv").write_bytes(b"x" * 2_000)
    settings: Any = Settings(state=str(tmp_path / "state"), timetable_limit=1_024)
    with pytest.raises(TableError, match=r"expected at most 1,024; .*PUNTUAL_TIMETABLE_LIMIT"):
        take_timetable(settings, tmp_path / "coming.csv")
