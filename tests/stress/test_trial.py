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
from puntual.stress.generators import Order, generate
from puntual.stress.load_report import render_stress_report
from puntual.stress.material import ANSWERS, REQUESTS, Material
from puntual.stress.summary import sentences

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
    result = run_trial(trial)
    assert result.met
    assert result.generator == generator
    assert result.requests >= 600
    assert (result.errors, result.wrong_answers) == (0, 0)
    assert result.distinct == 616
    assert (result.repeated, result.came_round) == (False, 0)
    assert result.p50_ms is not None and result.p99_ms is not None
    assert 0 < result.p50_ms <= result.p99_ms
    assert result.usage is not None and result.usage.peak_rss_mb > 50
    assert "Beside others" not in render_stress_report(result)


@pytest.mark.usefixtures("generator")
def test_repeated_flights_are_asked_about_again_and_again(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("puntual.stress.trial.REPEATED", 50)
    result = run_trial(replace(trial, repeated=True))
    assert result.met
    assert (result.distinct, result.repeated, result.came_round) == (50, True, 0)
    assert result.requests >= 600
    assert "again and again" in sentences(result)[0]


@pytest.mark.usefixtures("generator")
def test_requests_that_come_round_are_counted(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("puntual.stress.trial._MOST_FLIGHTS", 500)
    result = run_trial(trial)
    assert result.distinct == 500
    # What is under way at the end was sent too.
    assert result.requests - 500 <= result.came_round <= result.requests - 500 + 2 * trial.connections
    assert any("repeated some" in note for note in result.notes)
    assert "of them asked before" in sentences(result)[0]


def test_a_load_can_begin_in_the_middle(
    material: Material, generator: str, trial: Trial, tmp_path: Path
) -> None:
    shutil.copy(material.folder / REQUESTS, tmp_path)
    shutil.copy(material.folder / ANSWERS, tmp_path)
    words = ("--registry", trial.registry, "--bundle", str(trial.bundle), "--state", str(tmp_path / "state"))
    with running(*words) as server:
        order = Order(f"{server.url}/predict", 2, 20, responses=100, first=150)
        load = generate(generator, tmp_path, order)
    assert load.answered >= 100
    assert (load.errors, load.differing, load.unmatched) == (0, 0, 0)
    # Lines 151 to 200, and then 1 to 50: none a second time.
    assert load.came_round == 0


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
        result = run_trial(replace(trial, url=server.url, bundle=None, registry=str(tmp_path / "models")))
    assert result.errors == 0
    assert result.wrong_answers == result.requests >= 600
    assert not result.met


@pytest.mark.usefixtures("generator")
def test_refusals_are_errors(trial: Trial, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("puntual.stress.trial._served", lambda _: trial.bundle)
    words = ("--registry", trial.registry, "--bundle", str(trial.bundle), "--state", str(tmp_path))
    with running(*words, auth="always") as server:
        result = run_trial(replace(trial, url=server.url, bundle=None))
    assert result.errors >= 600
    assert not result.met


@pytest.mark.usefixtures("generator")
def test_too_few_answers_in_the_time_do_not_meet_the_bar(trial: Trial) -> None:
    result = run_trial(replace(trial, requests=10_000_000, seconds=1))
    assert not result.met
    assert 0 < result.requests < 10_000_000
    assert result.wrong_answers == 0


def test_the_service_is_compared_with_a_bare_one_and_the_conventional_stack(trial: Trial) -> None:
    result = run_trial(replace(trial, compare=True, seconds=2, requests=200))
    assert [one.name for one in result.compared] == ["bare", "conventional"], result.notes
    assert all(one.errors == 0 and one.requests > 0 for one in result.compared)
    page = render_stress_report(result)
    assert "<svg" in page and "http:" not in page.replace(result.url, "").replace("http://www.w3.org", "")


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
    result = json.loads(done.stdout)
    named = ("requests", "errors", "wrong_answers", "requests_per_second", "p50_ms", "p95_ms", "p99_ms")
    assert {*named, "seconds", "met", "asked", "distinct", "repeated", "came_round"} <= result.keys()
    assert result["met"] is True
    assert "<svg" in (tmp_path / "stress.html").read_text()
    words[words.index("300")], words[words.index("60")] = "9000000", "1"
    missed = CliRunner().invoke(main, words)
    assert missed.exit_code == 1
    assert json.loads(missed.stdout)["met"] is False
