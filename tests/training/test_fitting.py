"""What the split and the length of training let an expert read."""

from dataclasses import replace

import pytest

from puntual.evaluation.splits import SplitKind
from puntual.features.spec import Known
from puntual.features.states import STATES
from puntual.features.vector import COLUMNS, FEATURES
from puntual.training.experiment import LEVEL, NAMING_THE_DAY, YEARLY, Experiment


def read_by(by_time: Experiment, kind: SplitKind, years: int, expert: str) -> set[str]:
    """The names of the columns that an expert reads."""
    state = next(state for state in STATES if state.name == expert)
    experiment = replace(by_time, years=years, split=replace(by_time.split, kind=kind))
    return {COLUMNS[place] for place in experiment.columns_of(state)}


@pytest.mark.parametrize("expert", ["history", "timetable"])
@pytest.mark.parametrize("kind", SplitKind)
def test_what_names_the_day_is_read_once_training_went_round_the_year_twice(
    by_time: Experiment, kind: SplitKind, expert: str
) -> None:
    learnable = {feature.name for feature in FEATURES if expert == "history" or feature.known < Known.HISTORY}
    naming = set(NAMING_THE_DAY) & learnable
    assert naming
    assert not naming & read_by(by_time, kind, 1, expert)
    assert naming <= read_by(by_time, kind, 2, expert)


def test_the_cycle_of_the_year_is_read_by_time_only_where_training_went_round_it(by_time: Experiment) -> None:
    assert not set(YEARLY) & read_by(by_time, SplitKind.TIME, 0, "history")
    assert set(YEARLY) <= read_by(by_time, SplitKind.TIME, 1, "history")
    assert set(YEARLY) <= read_by(by_time, SplitKind.STRATIFIED, 0, "history")


def test_the_level_of_the_airport_is_learnt_only_where_train_and_test_share_their_days(
    by_time: Experiment,
) -> None:
    assert not set(LEVEL) & read_by(by_time, SplitKind.TIME, 2, "history")
    assert set(LEVEL) <= read_by(by_time, SplitKind.STRATIFIED, 0, "history")


def test_an_expert_without_history_reads_nothing_of_it(by_time: Experiment) -> None:
    history = {feature.name for feature in FEATURES if feature.known is Known.HISTORY}
    assert not history & read_by(by_time, SplitKind.STRATIFIED, 2, "timetable")
