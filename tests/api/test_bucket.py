"""The service takes its champion from a bucket, and keeps the one that it has whatever becomes of the bucket."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from api.conftest import Server, running, until
from api.serving.test_champion_swap import NOON, Pair, named, pair
from bucket_between import Between, between
from puntual.registry import Registry, push

__all__ = ["pair"]


@pytest.fixture
def stored(pair: Pair, bucket: str) -> Pair:
    """The same two bundles in a bucket, the first of which is champion."""
    registry = Registry(f"{bucket}/models")
    push(Registry(pair.registry.url), registry, [pair.first, pair.second])
    moved = replace(pair, registry=registry)
    moved.promote(pair.first)
    return moved


@pytest.fixture
def front(stored: Pair, s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Between]:
    """What stands between the service and the bucket, which the test itself reaches without it."""
    del stored
    with between(s3_server) as between_both:
        monkeypatch.setenv("AWS_ENDPOINT_URL", between_both.url)
        yield between_both


def words_of(pair: Pair, state: Path) -> tuple[str, ...]:
    return ("--registry", pair.registry.url, "--state", str(state), "--no-auth")


def is_bundle(path: str) -> bool:
    return path.endswith(".puntual")


def deny(front: Between) -> None:
    front.denied = lambda _: True


def be_slow(front: Between) -> None:
    front.seconds = lambda _: 8


def break_off(front: Between) -> None:
    front.cut = lambda path: 1_000 if is_bundle(path) else None


WRONG: dict[str, tuple[Callable[[Between], None], str]] = {
    "denied": (deny, "(AccessDenied); give these credentials access"),
    "slow": (be_slow, "the bucket does not answer in time"),
    "broken off": (break_off, "the transfer"),
}


def test_the_service_swaps_to_what_is_promoted_in_the_bucket_and_back(stored: Pair, tmp_path: Path) -> None:
    with running(*words_of(stored, tmp_path / "state"), poll="0.1") as server:
        assert named(server.client, stored) == stored.first
        stored.promote(stored.second)
        assert until(lambda: named(server.client, stored) == stored.second)
        stored.registry.rollback(NOON)
        assert until(lambda: named(server.client, stored) == stored.first)


@pytest.mark.parametrize("wrong", WRONG)
def test_whatever_is_wrong_with_the_bucket_the_champion_stays_until_it_is_well_again(
    stored: Pair, front: Between, wrong: str, tmp_path: Path
) -> None:
    spoil, message = WRONG[wrong]
    with running(*words_of(stored, tmp_path / "state"), poll="0.1") as server:
        spoil(front)
        stored.promote(stored.second)
        assert until(lambda: is_logged(server, message)), server.messages.read_text()
        assert named(server.client, stored) == stored.first
        assert "the former champion goes on" in server.messages.read_text()
        assert "Traceback" not in server.messages.read_text()
        heal(front)
        assert until(lambda: named(server.client, stored) == stored.second)


def test_a_truncated_object_is_refused_and_the_champion_stays(stored: Pair, s3: Any, tmp_path: Path) -> None:
    name = f"{stored.second}.puntual"
    whole = stored.registry.store.read(name) or b""
    with running(*words_of(stored, tmp_path / "state"), poll="0.1") as server:
        stored.promote(stored.second)
        assert until(lambda: named(server.client, stored) == stored.second)
        stored.promote(stored.first)
        assert until(lambda: named(server.client, stored) == stored.first)
        line = f"{stored.second} sha256:{sha256(whole).hexdigest()}\n".encode()
        bucket = stored.registry.url.split("/")[2]
        s3.put_object(Bucket=bucket, Key=f"models/{name}", Body=whole[: len(whole) // 2])
        stored.registry.store.write("model_to_deploy", line)
        assert until(lambda: is_logged(server, "truncated or altered")), server.messages.read_text()
        assert named(server.client, stored) == stored.first
        stored.registry.store.write(name, whole)
        assert server.client.post("/models/reload").json() == {"swapped": True, "version": stored.second}


def test_while_the_bucket_is_away_the_champion_answers_and_once_it_is_back_the_next_one(
    stored: Pair, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    away = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    away.start()
    host, port = away.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    with running(*words_of(stored, tmp_path / "state"), poll="0.1") as server:
        away.stop()
        stored.promote(stored.second)
        assert until(lambda: is_logged(server, "the bucket cannot be reached"))
        assert named(server.client, stored) == stored.first
        again = ThreadedMotoServer(host, port, verbose=False)
        again.start()
        try:
            assert until(lambda: named(server.client, stored) == stored.second)
        finally:
            again.stop()


def is_logged(server: Server, message: str) -> bool:
    return message in server.messages.read_text()


def heal(front: Between) -> None:
    well = Between()
    front.denied, front.seconds, front.cut = well.denied, well.seconds, well.cut
