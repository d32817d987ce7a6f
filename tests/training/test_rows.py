"""Of a table with more rows than fitting may see, each fit sees a sample, and everything else sees every flight."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from experiments_made import QUICK, begin
from flights_made import as_flight_table
from puntual.errors import NotEnoughFlightsError, SettingError
from puntual.evaluation.splits import Rows, sample_rows
from puntual.features.states import MAIN
from puntual.registry import Registry
from puntual.reporting.model_card import plain
from puntual.training import backtesting, experiment, fitting
from puntual.training.candidates import Candidate
from puntual.training.experiment import Experiment, Options, rows_within
from puntual.training.fitting import FittedModel, fit_on, prepare_training_set
from puntual.training.selection import compare, learning_curve
from puntual.training.train import check_options, train

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def narrow(by_time: Experiment) -> Experiment:
    """The experiment, of whose 1,400 flights to train on fitting sees 700."""
    return replace(by_time, most_rows=700)


def test_each_month_of_each_airport_has_its_share_of_the_sample(by_time: Experiment) -> None:
    strata = by_time.dataset.strata
    every = np.arange(len(strata))
    drawn = sample_rows(every, strata, 500, seed=0)
    assert len(drawn) == len(set(drawn.tolist())) == 500 and (np.diff(drawn) > 0).all()
    # Four months at two airports.
    assert len(set(strata.tolist())) == 8
    for stratum in set(strata.tolist()):
        share = 500 * (strata == stratum).sum() / len(strata)
        assert abs((strata[drawn] == stratum).sum() - share) <= 1


def test_the_same_seed_draws_the_same_rows_and_another_others(by_time: Experiment) -> None:
    strata, rows = by_time.dataset.strata, by_time.split.train
    drawn = sample_rows(rows, strata, 500, seed=0)
    np.testing.assert_array_equal(drawn, sample_rows(rows, strata, 500, seed=0))
    assert set(drawn.tolist()) != set(sample_rows(rows, strata, 500, seed=1).tolist())
    assert set(drawn.tolist()) <= set(rows.tolist())


def test_where_there_are_no_more_rows_fitting_sees_all(by_time: Experiment) -> None:
    assert replace(by_time, most_rows=1400).seen(by_time.split.train) is by_time.split.train


def test_fitting_sees_the_sample_and_what_is_counted_every_flight(
    by_time: Experiment, narrow: Experiment
) -> None:
    rows = narrow.split.train
    training = prepare_training_set(narrow, narrow.vectors(rows), narrow.seen(rows))
    assert len(training.bands) == len(training.shown["timetable"][0]) == 700
    fitted, of_all = fit_on(narrow, QUICK, rows), fit_on(by_time, QUICK, rows)
    assert fitted.vectors.vocabulary == of_all.vectors.vocabulary
    assert fitted.calibration.level == of_all.calibration.level
    matrix = fitted.vectors.full(narrow.split.test)
    np.testing.assert_array_equal(matrix, of_all.vectors.full(narrow.split.test))
    assert not np.array_equal(fitted.predict(matrix), of_all.predict(matrix))


def test_of_very_many_flights_after_a_cut_off_a_sample_is_calibrated_on(
    by_time: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = by_time.split.validation
    np.testing.assert_array_equal(by_time.held_out(rows), rows)
    monkeypatch.setattr(experiment, "MOST_HELD_OUT", 100)
    drawn = by_time.held_out(rows)
    # Where the cut-off lies is still seen from the first of them.
    assert len(drawn) == 100 and drawn[0] == rows[0] and (np.diff(drawn) > 0).all()
    _, (result,) = compare(by_time, (QUICK,), begin)
    assert result.scores.flights == 100


def test_before_a_cut_off_a_sample_of_very_many_flights_is_fitted_and_the_model_sees_all(
    by_time: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def fit_and_count(given: Experiment, candidate: Candidate, rows: Rows, **more: bool) -> FittedModel:
        seen.append((len(given.seen(rows)), len(rows)))
        return fit_on(given, candidate, rows, **more)

    monkeypatch.setattr(backtesting, "fit_on", fit_and_count)
    monkeypatch.setattr(backtesting, "MOST_FITTED_IN_A_FOLD", 600)
    backtesting.evaluate_model(by_time, QUICK, begin, (MAIN,))
    *folds, (of_all, every) = sorted(seen, key=lambda fit: fit[1])
    assert len(folds) == 4 and all(fitted == 600 < rows for fitted, rows in folds)
    assert of_all == every == len(by_time.split.before_test)


def test_the_level_of_very_many_flights_is_weighed_by_a_sample_and_its_base_by_all(
    by_time: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = by_time.split.train
    whole = fit_on(by_time, QUICK, rows).calibration.level
    monkeypatch.setattr(fitting, "_WEIGHED", 700)
    sampled = fit_on(by_time, QUICK, rows).calibration.level
    assert sampled.base == whole.base and sampled.weights != whole.weights


def test_a_sample_without_a_flight_of_some_band_is_refused(by_time: Experiment) -> None:
    with pytest.raises(
        NotEnoughFlightsError, match="of 1,400 flights --rows 5 leaves a delay band without any"
    ):
        replace(by_time, most_rows=5).seen(by_time.split.train)


def test_too_few_rows_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="rows is 999; expected at least 1,000 to fit; give more"):
        check_options(Options(rows=999), str(tmp_path), None)
    check_options(Options(rows=1_000), str(tmp_path), None)


def test_a_learning_curve_fits_an_eighth_a_quarter_and_half_and_ends_with_the_comparison(
    narrow: Experiment,
) -> None:
    winner, (result,) = compare(narrow, (QUICK,), begin)
    points = learning_curve(narrow, winner, result, begin)
    assert [point.rows for point in points] == [87, 175, 350, 700]
    assert points[-1].scores is result.scores
    assert {point.scores.flights for point in points} == {len(narrow.split.validation)}
    assert len({point.scores.log_loss.value for point in points}) == 4


def test_card_and_report_say_what_share_was_seen_and_what_more_would_give(
    made_flights: pl.DataFrame, tmp_path: Path
) -> None:
    options = Options(candidates="logistic:none", live=False, rows=1_000)
    training = train(
        as_flight_table(made_flights),
        registry=str(tmp_path / "models"),
        now=NOW,
        options=options,
        reports=tmp_path,
    )
    assert training.seen is not None
    assert (training.seen.fitted, training.seen.of, training.seen.compared) == (1_000, 3_600, 1_000)
    assert [point.rows for point in training.learning] == [125, 250, 500, 1_000]
    share = "Of 3,600 flights fitting saw 1,000 (27.8 %), drawn by airport and month"
    card = (tmp_path / f"{training.version}.md").read_text()
    page = (tmp_path / f"{training.version}.html").read_text()
    assert share in card and share in page
    assert share in Registry(tmp_path / "models").read(training.version).card
    more = "From 500 rows to 1,000 took the log loss from"
    assert plain(more) in card and more in page
    assert "## Learning curve" in card and "| 125 |" in card
    assert "What more rows would give" in page and 'aria-label="ROC AUC and log loss on validation' in page


def test_without_rows_fitting_sees_what_half_of_the_machine_takes(
    by_time: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiment, "whole_memory", lambda: 2 * 10**9)
    assert [one.most_rows for one in experiment.experiments(by_time.dataset, Options())] == [500_000] * 2
    given = Options(rows=1_000)
    assert [one.most_rows for one in experiment.experiments(by_time.dataset, given)] == [1_000] * 2


def test_more_memory_allows_more_rows_in_powers_of_two() -> None:
    assert [rows_within(gigabytes * 10**9) for gigabytes in (1, 2, 4, 8)] == [
        250_000,
        500_000,
        1_000_000,
        2_000_000,
    ]
