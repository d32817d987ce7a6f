"""A stress test on a real service, by each load generator that is here."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from api.conftest import running
from puntual import Predictor
from puntual.cli import main
from puntual.errors import StressTestError
from puntual.registry import Bundle, Registry
from puntual.stress import Trial, generators, run_trial
from puntual.stress.html_report import render_stress_report

GENERATORS = [
    pytest.param(
        "wrk", marks=pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed here")
    ),
    "locust",
]


@pytest.fixture(params=GENERATORS)
def generator(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("puntual.stress.trial.available", lambda: request.param)
    name: str = request.param
    return name


@pytest.fixture
def trial(made_registry: Path, predictor: Predictor, flights_file: Path) -> Trial:
    return Trial(
        requests=600,
        seconds=60,
        connections=8,
        registry=str(made_registry),
        bundle=predictor.bundle.version,
        flights=flights_file,
        compare=False,
    )


def test_a_service_that_answers_rightly_meets_the_bar(trial: Trial, generator: str) -> None:
    found = run_trial(trial)
    assert found.met
    assert found.generator == generator
    assert found.requests >= 600
    assert (found.errors, found.wrong_answers) == (0, 0)
    assert found.distinct > 300
    assert found.p50_ms is not None and found.p99_ms is not None
    assert 0 < found.p50_ms <= found.p99_ms
    assert found.usage is not None and found.usage.peak_rss_mb > 50


@pytest.mark.usefixtures("generator")
def test_answers_of_another_model_are_wrong(
    trial: Trial, made_bundle: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert made_bundle.tested is not None
    names = "calibration", "questions", "typical_week", "vocabulary"
    tables = made_bundle.tables | {name: made_bundle.tables[f"tested_{name}"] for name in names}
    other = replace(made_bundle, experts=made_bundle.tested, tables=tables)
    checked = Registry(tmp_path / "models").publish(other)
    assert checked != made_bundle.version
    monkeypatch.setattr("puntual.stress.trial._served", lambda _: checked)
    words = ("--registry", trial.registry, "--bundle", str(trial.bundle), "--state", str(tmp_path / "state"))
    with running(*words) as server:
        found = run_trial(replace(trial, url=server.url, bundle=None, registry=str(tmp_path / "models")))
    assert found.errors == 0
    assert found.wrong_answers == found.requests >= 600
    assert not found.met


@pytest.mark.usefixtures("generator")
def test_refusals_are_errors(trial: Trial, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("puntual.stress.trial._served", lambda _: trial.bundle)
    words = ("--registry", trial.registry, "--bundle", str(trial.bundle), "--state", str(tmp_path))
    with running(*words, auth="always") as server:
        found = run_trial(replace(trial, url=server.url, bundle=None))
    assert found.errors >= 600
    assert not found.met


@pytest.mark.usefixtures("generator")
def test_too_few_answers_in_the_time_do_not_meet_the_bar(trial: Trial) -> None:
    found = run_trial(replace(trial, requests=10_000_000, seconds=1))
    assert not found.met
    assert 0 < found.requests < 10_000_000
    assert found.wrong_answers == 0


def test_the_service_is_compared_with_a_bare_one_and_the_conventional_stack(trial: Trial) -> None:
    found = run_trial(replace(trial, compare=True, seconds=2, requests=200))
    assert [one.name for one in found.compared] == ["bare", "conventional"], found.notes
    assert all(one.errors == 0 and one.requests > 0 for one in found.compared)
    page = render_stress_report(found)
    assert "<svg" in page and "http:" not in page.replace(found.url, "").replace("http://www.w3.org", "")


def test_a_url_where_nothing_answers_is_told(trial: Trial) -> None:
    with pytest.raises(StressTestError, match=r"does not say which bundle it serves.*PUNTUAL_API_KEY"):
        run_trial(replace(trial, url="http://127.0.0.1:9", bundle=None))


def test_a_service_whose_bundle_is_not_in_the_registry_cannot_be_checked(
    trial: Trial, tmp_path: Path
) -> None:
    words = ("--registry", trial.registry, "--bundle", str(trial.bundle), "--state", str(tmp_path / "state"))
    empty = str(tmp_path / "models")
    with (
        running(*words) as server,
        pytest.raises(StressTestError, match=r"cannot be checked without that bundle"),
    ):
        run_trial(replace(trial, url=server.url, bundle=None, registry=empty))


def test_without_any_generator_it_says_how_to_install_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(StressTestError, match="apt install wrk"):
        generators.available()


def test_the_command_prints_one_object_and_its_status_says_whether_the_bar_was_met(
    trial: Trial, tmp_path: Path
) -> None:
    words = [
        *("stress", "--requests", "300", "--seconds", "60", "--connections", "4", "--no-compare", "--json"),
        *("--registry", trial.registry, "--bundle", str(trial.bundle), "--flights", str(trial.flights)),
        *("--report", str(tmp_path / "stress.html")),
    ]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    named = ("requests", "errors", "wrong_answers", "requests_per_second", "p50_ms", "p95_ms", "p99_ms")
    assert {*named, "seconds", "met"} <= found.keys()
    assert found["met"] is True
    assert "<svg" in (tmp_path / "stress.html").read_text()
    words[words.index("300")], words[words.index("60")] = "9000000", "1"
    missed = CliRunner().invoke(main, words)
    assert missed.exit_code == 1
    assert json.loads(missed.stdout)["met"] is False
