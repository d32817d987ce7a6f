"""One training from table to bundle: when it publishes, what it says meanwhile, and that it can be repeated."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from experiments_made import few_live_trees
from flights_made import as_flight_table
from puntual.errors import SettingError
from puntual.prediction.predictor import Predictor
from puntual.registry import Registry
from puntual.reporting.training_result import Training
from puntual.training import train as training_module
from puntual.training.bundle_scores import score_bundle
from puntual.training.train import Options, train

NOW = datetime(2026, 1, 2, tzinfo=UTC)
QUICK = Options(candidates="logistic:none,lightgbm:none", backtest=False)


@pytest.fixture(scope="module")
def quick(
    made_flights: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Training, Path, list]:
    folder, steps = tmp_path_factory.mktemp("quick"), []
    with few_live_trees():
        training = train(
            as_flight_table(made_flights),
            registry=str(folder / "models"),
            now=NOW,
            options=QUICK,
            reports=folder,
            progress=lambda *step: steps.append(step),
        )
    return training, folder, steps


def test_the_same_table_options_and_now_give_the_same_bundle_to_the_byte(
    quick: tuple[Training, Path, list], made_flights: pl.DataFrame, tmp_path: Path
) -> None:
    training, folder, _ = quick
    with few_live_trees():
        again = train(as_flight_table(made_flights), registry=str(tmp_path), now=NOW, options=QUICK)
    assert any(name.startswith("live_") for name in Registry(tmp_path).read(again.version).experts)
    assert again.version == training.version
    file = f"{training.version}.puntual"
    assert (tmp_path / file).read_bytes() == (folder / "models" / file).read_bytes()


def test_a_now_without_a_time_zone_is_refused_before_anything_is_done(
    made_flights: pl.DataFrame, tmp_path: Path
) -> None:
    steps: list[object] = []
    with pytest.raises(SettingError, match="2026-01-02T00:00:00, without a time zone"):
        train(
            as_flight_table(made_flights),
            registry=str(tmp_path),
            now=datetime(2026, 1, 2),
            progress=lambda *step: steps.append(step),
        )
    assert steps == [] and list(tmp_path.iterdir()) == []


def test_each_step_is_named_as_it_begins_and_all_are_counted(quick: tuple[Training, Path, list]) -> None:
    _, _, steps = quick
    names, done, totals = zip(*steps, strict=True)
    assert names[:3] == ("vectors", "logistic:none", "lightgbm:none")
    assert names[-7:-4] == (
        "live experts, for each range of horizons and for all",
        "live experts, learning the airport's level",
        "live experts before the test",
    )
    assert names[-4:] == ("evidence for the gate", "fit on all flights", "bundle", "done")
    assert set(totals) == {len(steps) - 1}
    assert done == tuple(range(len(steps)))


def test_without_backtests_report_and_card_say_so(quick: tuple[Training, Path, list]) -> None:
    training, folder, _ = quick
    assert training.rolling == () and training.ablation == () and set(training.by_split) == {"time"}
    for card in (folder / f"{training.version}.md", folder / f"{training.version}.html"):
        assert "Backtests were left out" in card.read_text()
    assert "Backtests were left out" in Registry(folder / "models").read(training.version).card


def test_the_bundle_keeps_what_its_card_tells_as_data(quick: tuple[Training, Path, list]) -> None:
    training, folder, _ = quick
    record = Registry(folder / "models").read(training.version).manifest.card
    assert record is not None
    assert (record.table, record.findings, record.command) == (
        training.table,
        training.findings,
        training.command,
    )
    assert record.reliability == tuple(training.curves.reliability)
    assert [one.minutes for one in record.horizons] == [one.minutes for one in training.horizons]


def test_the_bundle_is_published_before_the_backtests(
    made_flights: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training_module, "_backtest", interrupted)
    options = Options(candidates="logistic:none", live=False)
    with pytest.raises(KeyboardInterrupt):
        train(as_flight_table(made_flights), registry=str(tmp_path), now=NOW, options=options)
    (listed,) = Registry(tmp_path).versions()
    assert "are measured after the bundle is published" in " ".join(
        Registry(tmp_path).read(listed.version).card.split()
    )


def test_backtests_add_periods_the_other_split_and_the_ablation(
    made_flights: pl.DataFrame, tmp_path: Path
) -> None:
    steps: list[tuple[str, int, int]] = []
    training = train(
        as_flight_table(made_flights),
        registry=str(tmp_path),
        now=NOW,
        options=Options(candidates="logistic:none", live=False),
        progress=lambda *step: steps.append(step),
    )
    assert set(training.by_split) == {"time", "stratified"}
    assert len(training.rolling) == 4 and len(training.ablation) == 7
    assert training.backtests == "done"
    assert [done for _, done, _ in steps] == list(range(steps[-1][2] + 1))


def test_the_tested_model_scores_again_what_training_measured(
    quick: tuple[Training, Path, list], made_flights: pl.DataFrame
) -> None:
    """Its own vocabulary, typical week and calibration are in the bundle beside those of the final model."""
    training, folder, _ = quick
    bundle = Registry(folder / "models").read(training.version)
    scored = score_bundle(bundle, as_flight_table(made_flights), split_test=True)
    assert set(scored.states) == {"history", "timetable", "typical_timetable"}
    for name, scores in scored.states.items():
        assert scores.log_loss.value == pytest.approx(training.scores[name].log_loss.value, abs=1e-6)


def test_the_loaded_bundle_answers_as_its_estimator(quick: tuple[Training, Path, list]) -> None:
    training, folder, _ = quick
    predictor = Predictor.load(str(folder / "models"), training.version)
    assert np.isfinite(predictor.reference_late_probability)
