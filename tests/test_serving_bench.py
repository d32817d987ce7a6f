"""The bench of the service: one rival that fails costs its own figures and nobody else's."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.serving import rounds
from benchmarks.serving.effort import SHORT
from benchmarks.serving.rounds import FEW, NEW
from puntual.errors import StressTestError
from puntual.stress.results import Load

GOOD = Load(1000, 0, 0, 0, 0, 0, 0, 0, 0, 1.0, [(500, 1000)])


class Server:
    """Stands in for a server: answers so many a second, or is no server any more after some loads."""

    def __init__(self, load: Load = GOOD, fails_after: int = 100) -> None:
        self.loads, self.left = load, fails_after

    def load(self, *_: Any, **__: Any) -> Load:
        if not self.left:
            raise StressTestError("its server ended")
        self.left -= 1
        return self.loads


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)


def run(**servers: Server) -> tuple[list[str], dict[str, Any]]:
    results: dict[str, Any] = {"servers": {}, "spread": {}, "failed": {}}
    never_asked = Server(replace_rate(500))
    never_asked.came_round = 0  # type: ignore[attr-defined]
    all_servers = {
        "puntual": Server(),
        "native_alone": Server(),
        "bare": Server(replace_rate(2000)),
        **servers,
    }
    bench: Any = SimpleNamespace(never_asked=never_asked, servers=all_servers)
    return list(rounds.in_rounds(bench, replace(SHORT, rounds=3), results)), results


def replace_rate(answered: int, errors: int = 0) -> Load:
    return Load(answered, 0, 0, errors, 0, 0, 0, 0, 0, 1.0, [(500, answered)])


def test_ratios_are_those_of_one_round_and_each_promise_has_a_line() -> None:
    lines, results = run(conventional=Server(replace_rate(100)), mlflow=Server(replace_rate(50)))
    assert results["ratios"][f"{NEW}_to_bare"] == 0.25
    assert results["ratios"][f"puntual{FEW}_to_bare{FEW}"] == 0.5
    assert any(line.startswith("MISSED never asked before, 128 connections, to bare: 0.25") for line in lines)
    assert any(line.startswith("holds  asked before, 32 connections, to bare: 0.5") for line in lines)
    assert any(line.startswith("MISSED never asked before, to the conventional stack: 5") for line in lines)
    assert any(line.startswith("holds  never asked before, to mlflow: 10") for line in lines)


def test_a_rival_that_ends_is_asked_no_more_and_the_others_are_measured() -> None:
    lines, results = run(conventional=Server(), bentoml=Server(fails_after=2))
    assert results["failed"] == {"bentoml": "its server ended"}
    assert any(line.startswith("FAILED bentoml") for line in lines)
    assert len(results["servers"]["bare"]["rounds"]) == 3
    # What it did before it ended still stands.
    assert len(results["servers"]["bentoml"]["rounds"]) == 1


def test_a_rival_that_drops_a_connection_now_and_then_is_measured_with_its_errors() -> None:
    _, results = run(
        bentoml=Server(replace_rate(1000, errors=1)), litserve=Server(replace_rate(100, errors=5))
    )
    assert results["servers"]["bentoml"]["errors"] == 3
    assert results["failed"] == {"litserve": "5 errors in 100 answers"}


def test_a_wrong_answer_of_ours_is_a_promise_missed() -> None:
    wrong = Load(1000, 0, 0, 0, 0, 0, 0, 2, 0, 1.0, [(500, 1000)])
    lines, results = run(puntual=Server(wrong))
    # One round that is not counted and three that are, at two numbers of connections.
    assert results["errors_or_wrong"] == 16
    assert any(line.startswith("MISSED errors, wrong answers") for line in lines)


def test_figures_are_given_as_they_are_measured() -> None:
    results: dict[str, Any] = {"servers": {}, "spread": {}, "failed": {}}
    bench: Any = SimpleNamespace(
        never_asked=SimpleNamespace(load=lambda *_: GOOD, came_round=0),
        servers={"puntual": Server(), "bare": Server()},
    )
    lines: Iterator[str] = rounds.in_rounds(bench, SHORT, results)
    assert "not counted" in next(lines)
    assert next(line for line in lines if "round 1" in line)
    assert results["servers"]
