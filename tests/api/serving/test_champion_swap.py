"""The champion changes under load, and no answer mixes two or fails."""

import json
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from api.conftest import answer_of, as_requested, request_of, running, until
from constant_models import answering
from puntual import Predictor
from puntual.registry import Bundle, Registry, to_bytes
from puntual.registry.signing import make_key

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
AS_OF = "2023-04-20T08:00"


@dataclass(frozen=True)
class Pair:
    """A registry with two bundles, the first of which is champion, and what each says of some flights."""

    registry: Registry
    first: str
    second: str
    flights: list[dict[str, str]]
    expected: dict[str, list[float]]

    def promote(self, version: str) -> None:
        self.registry.set_champion(version, NOON, previous=self.registry.champion())

    @property
    def words(self) -> tuple[str, ...]:
        state = Path(self.registry.url).parent / "state"
        return ("--registry", self.registry.url, "--state", str(state), "--no-auth")


@pytest.fixture
def pair(made_bundle: Bundle, other_bundle: Bundle, made_flights: pl.DataFrame, tmp_path: Path) -> Pair:
    registry = Registry(tmp_path / "models")
    first, second = registry.publish(made_bundle), registry.publish(other_bundle)
    registry.set_champion(first, NOON, previous=None)
    some = made_flights.sample(3, seed=2)
    expected = {
        version: Predictor.load(registry.url, version, threads=1)
        .predict(some, datetime.fromisoformat(AS_OF), timetable_of=some.clear())
        .late_probability.tolist()
        for version in (first, second)
    }
    assert expected[first] != expected[second]
    return Pair(registry, first, second, as_requested(some), expected)


@dataclass
class Asker(threading.Thread):
    """Asks again and again until it is told to stop, and keeps what went wrong."""

    url: str
    pair: Pair
    ended: threading.Event
    answered: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    __hash__ = threading.Thread.__hash__

    @property
    def count(self) -> int:
        return sum(list(self.answered.values()))

    def run(self) -> None:
        body = {"flights": self.pair.flights, "as_of": AS_OF}
        with httpx.Client(base_url=self.url, timeout=30) as client:
            while not self.ended.is_set():
                try:
                    self.note(client.post("/predict", json=body))
                except httpx.HTTPError as error:
                    self.wrong.append(repr(error))

    def note(self, answer: httpx.Response) -> None:
        if answer.status_code != 200:
            self.wrong.append(answer.text)
            return
        document = answer.json()
        version = document["model"]["version"]
        self.answered[version] = self.answered.get(version, 0) + 1
        if [one["late_probability"] for one in document["predictions"]] != self.pair.expected[version]:
            self.wrong.append(f"{version} said {answer.text}")


@contextmanager
def asking(url: str, pair: Pair, many: int = 3) -> Iterator[list[Asker]]:
    ended = threading.Event()
    askers = [Asker(url, pair, ended) for _ in range(many)]
    for asker in askers:
        asker.start()
    try:
        yield askers
    finally:
        ended.set()
        for asker in askers:
            asker.join()


def named(client: httpx.Client, pair: Pair) -> str:
    document = (
        client.post("/predict", json={"flights": pair.flights, "as_of": AS_OF}).raise_for_status().json()
    )
    return str(document["model"]["version"])


def test_the_champion_goes_back_and_forth_under_load_and_no_request_fails(pair: Pair) -> None:
    with running(*pair.words, poll="0.1", workers="2") as server:
        with asking(server.url, pair) as askers:
            for version in [pair.second, pair.first] * 3:
                pair.promote(version)
                assert until(lambda version=version: named(server.client, pair) == version)
                before = [asker.count for asker in askers]
                for asker, count in zip(askers, before, strict=True):
                    assert until(lambda asker=asker, count=count: asker.count > count + 5)
        assert [asker.wrong for asker in askers] == [[], [], []]
        assert all(asker.answered.keys() == {pair.first, pair.second} for asker in askers)
        done = server.metric("puntual_model_swaps_total", outcome="done")
        assert done >= 6
        assert server.metric("puntual_model_swaps_total", outcome="refused") == 0


def test_a_request_in_flight_ends_on_the_champion_that_it_began_with(pair: Pair) -> None:
    with running(*pair.words, poll="60") as server, server.connect() as long, server.connect() as reload:
        # Held still, the process finds both requests at once.
        server.signal(signal.SIGSTOP)
        many = {"flights": pair.flights * 300, "as_of": AS_OF, "reasons": True}
        pair.promote(pair.second)
        long.sendall(request_of(json.dumps(many).encode(), connection="close"))
        reload.sendall(request_of(b"", "/models/reload", connection="close"))
        server.signal(signal.SIGCONT)
        assert body_of(answer_of(reload)) == {"swapped": True, "version": pair.second}
        document = body_of(answer_of(long))
        assert document["model"]["version"] == pair.first
        late = [one["late_probability"] for one in document["predictions"]]
        assert late == pair.expected[pair.first] * 300
        assert named(server.client, pair) == pair.second


@pytest.mark.parametrize("workers", [1, 2])
def test_on_sighup_all_workers_fetch_the_champion(pair: Pair, workers: int) -> None:
    with running(*pair.words, poll="3600", workers=str(workers)) as server:
        assert until(lambda: server.messages.read_text().count("startup complete") == workers)
        pair.promote(pair.second)
        server.signal(signal.SIGHUP)
        message = f"champion {pair.second} answers from now on"
        assert until(lambda: server.messages.read_text().count(message) == workers)
        assert named(server.client, pair) == pair.second
        assert server.client.get("/models/champion").json()["version"] == pair.second


def without_a_table(bundle: Bundle) -> Bundle:
    return replace(
        bundle, tables={**bundle.tables, "history": {"origin": bundle.tables["history"]["origin"]}}
    )


# What makes a bundle bad: damage to its bytes, or a whole file that holds what cannot be asked.
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "truncated": lambda content: content[: len(content) // 2],
    "altered": lambda content: content[:5000] + bytes([content[5000] ^ 1]) + content[5001:],
    "empty": lambda _: b"",
    "no bundle": lambda _: b"a bundle",
}
IMPOSSIBLE: dict[str, Callable[[Bundle], Bundle]] = {
    "no model": lambda bundle: replace(bundle, experts=dict.fromkeys(bundle.experts, b"onnx")),
    "half a model": lambda bundle: replace(
        bundle, experts={state: model[: len(model) // 2] for state, model in bundle.experts.items()}
    ),
    "no columns": without_a_table,
}


def test_a_bad_bundle_is_refused_and_the_former_one_goes_on(pair: Pair, made_bundle: Bundle) -> None:
    folder = Path(pair.registry.url)
    second = (folder / f"{pair.second}.puntual").read_bytes()
    bad = {name: (pair.second, damage(second)) for name, damage in DAMAGES.items()}
    bad |= {name: to_bytes(change(made_bundle)) for name, change in IMPOSSIBLE.items()}
    with running(*pair.words, poll="3600") as server:
        for refused, (name, (version, content)) in enumerate(bad.items(), start=1):
            (folder / f"{version}.puntual").write_bytes(content)
            (folder / "model_to_deploy").write_text(version)
            answer = server.client.post("/models/reload")
            assert (name, answer.status_code) == (name, 409)
            assert "Traceback" not in answer.text
            assert named(server.client, pair) == pair.first
            assert server.metric("puntual_model_swaps_total", outcome="refused") == refused
        (folder / "model_to_deploy").write_text("../../etc/passwd")
        assert server.client.post("/models/reload").status_code == 409
        assert server.client.get("/readyz").json()["model"] == pair.first
        (folder / f"{pair.second}.puntual").write_bytes(second)
        (folder / "model_to_deploy").write_text(pair.second)
        assert server.client.post("/models/reload").json() == {"swapped": True, "version": pair.second}


def test_where_keys_are_trusted_nothing_unsigned_answers(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    private, public = make_key()
    pair.registry.sign(pair.first, private)
    monkeypatch.setenv("PUNTUAL_TRUSTED_KEYS", public)
    with running(*pair.words, poll="3600") as server:
        pair.promote(pair.second)
        refused = server.client.post("/models/reload")
        assert (refused.status_code, "it is not signed" in refused.text) == (409, True)
        assert named(server.client, pair) == pair.first
        pair.registry.sign(pair.second, private)
        assert server.client.post("/models/reload").json() == {"swapped": True, "version": pair.second}


def test_a_model_of_zeros_is_refused_and_the_former_one_goes_on(pair: Pair, made_bundle: Bundle) -> None:
    zeros = pair.registry.publish(answering(made_bundle, 0, 0, 0, 0, 0))
    with running(*pair.words, poll="3600") as server:
        pair.promote(zeros)
        refused = server.client.post("/models/reload")
        assert (refused.status_code, "no probabilities that sum to 1" in refused.text) == (409, True)
        assert named(server.client, pair) == pair.first


def test_a_bad_bundle_is_not_read_again_at_every_look(pair: Pair) -> None:
    folder = Path(pair.registry.url)
    with running(*pair.words, poll="0.05") as server:
        (folder / f"{pair.second}.puntual").write_bytes(b"a bundle")
        (folder / "model_to_deploy").write_text(pair.second)
        assert until(lambda: server.metric("puntual_model_swaps_total", outcome="refused") == 1)
        (folder / "model_to_deploy").write_text(pair.first)
        assert server.client.post("/models/reload").json() == {"swapped": False, "version": pair.first}
        assert server.metric("puntual_model_swaps_total", outcome="refused") == 1


def test_a_registry_that_vanishes_is_told_and_the_champion_goes_on(pair: Pair) -> None:
    folder = Path(pair.registry.url)
    with running(*pair.words, poll="0.05") as server:
        folder.rename(folder.with_name("elsewhere"))
        assert until(lambda: server.messages.read_text().count("its champion is gone") == 1)
        answer = server.client.post("/models/reload")
        assert (answer.status_code, "its champion is gone" in answer.json()["detail"]) == (409, True)
        assert named(server.client, pair) == pair.first
        folder.with_name("elsewhere").rename(folder)
        assert server.client.post("/models/reload").json() == {"swapped": False, "version": pair.first}


def test_a_shadow_is_scored_on_the_same_flights_and_touches_no_answer(pair: Pair) -> None:
    with running(*pair.words, "--shadow", pair.second) as server:
        body = {"flights": pair.flights, "as_of": AS_OF}
        document: dict[str, Any] = server.client.post("/predict", json=body).json()
        assert document["model"]["version"] == pair.first
        assert [one["late_probability"] for one in document["predictions"]] == pair.expected[pair.first]
        both = {"model": pair.first, "shadow": pair.second}
        assert until(lambda: server.metric("puntual_shadow_difference_count", **both) == 3)
        champion, shadow = pair.expected[pair.first], pair.expected[pair.second]
        differences = sum(abs(one - other) for one, other in zip(champion, shadow, strict=True))
        assert server.metric("puntual_shadow_difference_sum", **both) == pytest.approx(differences)
        assert server.metric("puntual_late_probability_count", model=pair.second) == 3
        assert server.client.get("/models/champion").json()["shadow"] == pair.second


def body_of(answer: bytes) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return body
