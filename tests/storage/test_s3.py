"""A bucket is read as it is now and written whole, and what is wrong with it is told in seconds with a remedy."""

import socket
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from bucket_between import Between, between
from puntual.errors import StorageError
from puntual.sources import read_flights
from puntual.storage import FileStat, Store, open_store


@pytest.fixture
def store(bucket: str) -> Store:
    return open_store(f"{bucket}/some/prefix")


@pytest.fixture
def spoiled(bucket: str, s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Store, Between]]:
    """A bucket, and what stands in front of it."""
    with between(s3_server) as front:
        monkeypatch.setenv("AWS_ENDPOINT_URL", front.url)
        yield open_store(bucket), front


def measured(content: bytes) -> FileStat:
    return FileStat(len(content), sha256(content).hexdigest())


def test_what_is_written_is_read_listed_measured_and_removed(store: Store) -> None:
    assert (store.read("a"), store.stat("a"), store.names()) == (None, None, [])
    store.write("a", b"one")
    store.write("folder/b", b"two")
    assert (store.read("a"), store.stat("a"), store.names()) == (b"one", measured(b"one"), ["a"])
    assert store.names("folder") == ["b"]
    store.remove("a")
    store.remove("a")
    assert store.names() == []


def test_another_client_is_seen_at_once(store: Store, bucket: str) -> None:
    assert store.names() == []
    other = open_store(f"{bucket}/some/prefix")
    for content in (b"one", b"two"):
        other.write("a", content)
        assert (store.read("a"), store.names()) == (content, ["a"])


def test_a_list_that_takes_several_answers_is_whole(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "2")
    for name in "edcba":
        store.write(name, b"")
    assert store.names() == list("abcde")


def test_every_write_carries_its_sha256(store: Store, bucket: str, s3: Any) -> None:
    store.write("a", b"one")
    head = s3.head_object(Bucket=bucket[5:], Key="some/prefix/a", ChecksumMode="ENABLED")
    assert b64decode(head["ChecksumSHA256"]) == sha256(b"one").digest()
    assert head["Metadata"]["sha256"] == sha256(b"one").hexdigest()


def test_a_file_that_another_tool_wrote_is_measured_by_reading_it(store: Store, bucket: str, s3: Any) -> None:
    s3.put_object(Bucket=bucket[5:], Key="some/prefix/a", Body=b"theirs")
    assert store.stat("a") == measured(b"theirs")


def test_a_file_is_swapped_only_while_it_holds_what_was_seen(store: Store) -> None:
    assert not store.swap("a", b"one", b"two")
    assert store.swap("a", None, b"one")
    assert not store.swap("a", None, b"two")
    assert store.swap("a", b"one", b"two")
    assert store.read("a") == b"two"


def test_a_new_file_takes_no_place_of_another(store: Store) -> None:
    store.create("a", b"one")
    with pytest.raises(StorageError, match="a: something is in its place: look again"):
        store.create("a", b"two")
    assert store.read("a") == b"one"


def test_a_swap_whose_answer_was_lost_is_known_to_have_been_done(spoiled: tuple[Store, Between]) -> None:
    store, front = spoiled
    store.write("a", b"one")
    lost = iter([True])
    # The bucket wrote it, and only its answer never came: the client asks again and is told no.
    front.lost = lambda method: method == "PUT" and next(lost, False)
    assert store.swap("a", b"one", b"two")
    assert front.count("PUT", "/a") == 3


def test_a_transfer_that_breaks_off_is_taken_up_where_it_was(spoiled: tuple[Store, Between]) -> None:
    store, front = spoiled
    content = bytes(range(256)) * 2_000
    store.write("a", content)
    cuts = iter([200_000, 250_000])
    front.cut = lambda _: next(cuts, None)
    assert store.read("a") == content
    starts = [begin for verb, _, begin in front.requests if verb == "GET"]
    assert starts == ["", "bytes=200000-", "bytes=450000-"]


def test_a_transfer_that_always_ends_too_soon_is_told(spoiled: tuple[Store, Between]) -> None:
    store, front = spoiled
    store.write("a", b"one" * 1_000)
    front.cut = lambda _: 10
    with pytest.raises(StorageError, match=r"/a: the transfer .*; repeat it"):
        store.read("a")


def test_access_denied_names_what_is_needed(spoiled: tuple[Store, Between]) -> None:
    store, front = spoiled
    front.denied = lambda _: True
    for ask in (
        store.names,
        lambda: store.read("a"),
        lambda: store.write("a", b""),
        lambda: store.stat("a"),
    ):
        with pytest.raises(
            StorageError, match=r"\((AccessDenied|403)\); give these credentials access .*GetObject"
        ):
            ask()


def test_a_bucket_that_never_answers_is_told_within_half_a_minute(
    spoiled: tuple[Store, Between], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, front = spoiled
    front.seconds = lambda _: 0.6
    monkeypatch.setattr("puntual.storage.s3.READ_SECONDS", 0.2)
    begin = time.monotonic()
    with pytest.raises(StorageError, match=r"/a: the bucket does not answer in time .*; repeat it"):
        store.read("a")
    assert time.monotonic() - begin < 30
    assert front.count("GET", "/a") == 3


def test_a_transfer_that_falls_silent_is_told(
    spoiled: tuple[Store, Between], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, front = spoiled
    monkeypatch.setattr("puntual.storage.s3.READ_SECONDS", 0.2)
    store.write("a", b"one" * 1_000)
    front.stall = lambda _: 10
    with pytest.raises(StorageError, match=r"/a: the bucket does not answer in time .*; repeat it"):
        store.read("a")


def test_a_bucket_that_is_away_is_told_in_seconds(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed.getsockname()[1]}")
        begin = time.monotonic()
        with pytest.raises(StorageError, match=r"the bucket cannot be reached .*AWS_ENDPOINT_URL"):
            open_store(bucket).read("a")
        assert time.monotonic() - begin < 30


@pytest.mark.usefixtures("s3")
def test_no_bucket_and_no_credentials_have_their_remedies(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StorageError, match=r"\(NoSuchBucket\); create the bucket, or correct the URL"):
        open_store("s3://not-there-at-all").read("a")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(StorageError, match=r"no AWS credentials .*; set AWS_ACCESS_KEY_ID"):
        open_store("s3://not-there-at-all").read("a")


@pytest.mark.parametrize("url", ["s3://", "s3:///prefix", "s3://UPPER", "s3://a"])
def test_a_url_that_names_no_bucket_is_refused(url: str) -> None:
    with pytest.raises(StorageError, match="expected such as s3://bucket/prefix"):
        open_store(url)


def test_without_botocore_the_remedy_is_to_install_it() -> None:
    code = """
import sys
sys.modules["botocore"] = None
from puntual.errors import StorageError
from puntual.registry import Registry
try:
    Registry("s3://bucket/models").champion()
except StorageError as error:
    print(error)
"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "pip install 'puntual[aws]'" in printed


def test_a_folder_needs_no_client_of_buckets(tmp_path: Path) -> None:
    code = """
import sys
import puntual.api.app
from puntual.registry import Registry
Registry(sys.argv[1]).champion()
print(*({"botocore", "s3transfer"} & set(sys.modules)))
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == ""


def test_a_table_is_read_from_the_bucket_by_its_url(bucket: str, s3: Any) -> None:
    header = "Fecha-I,Vlo-I,Ori-I,Des-I,Emp-I,Fecha-O,Vlo-O,Ori-O,Des-O,Emp-O\n"
    row = "2017-01-01 23:30:00,226,SCEL,KMIA,AAL,2017-01-01 23:33:00,226,SCEL,KMIA,AAL\n"
    s3.put_object(Bucket=bucket[5:], Key="data/dataset_SCL.csv", Body=(header + row).encode())
    assert read_flights("scl", f"{bucket}/data/dataset_SCL.csv").flights["destination"].to_list() == ["MIA"]
