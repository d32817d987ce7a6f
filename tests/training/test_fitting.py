"""What the split and the length of training let an expert read."""

import pytest

from puntual.evaluation.splits import SplitKind
from puntual.features.spec import Known
from puntual.features.states import STATES
from puntual.features.vector import COLUMNS, FEATURES
from puntual.training.candidates import parse_candidates
from puntual.training.fitting import LEVEL, NAMING_THE_DAY, YEARLY, Recipe


def read_by(kind: SplitKind, years: int, expert: str) -> set[str]:
    """The names of the columns that an expert reads."""
    recipe = Recipe(parse_candidates("logistic:none")[0], kind, years)
    return {
        COLUMNS[place] for place in recipe.columns_of(next(state for state in STATES if state.name == expert))
    }


@pytest.mark.parametrize("expert", ["history", "timetable"])
@pytest.mark.parametrize("kind", SplitKind)
def test_what_names_the_day_is_read_once_training_went_round_the_year_twice(
    kind: SplitKind, expert: str
) -> None:
    learnable = {feature.name for feature in FEATURES if expert == "history" or feature.known < Known.HISTORY}
    naming = set(NAMING_THE_DAY) & learnable
    assert naming
    assert not naming & read_by(kind, 1, expert)
    assert naming <= read_by(kind, 2, expert)


def test_the_cycle_of_the_year_is_read_by_time_only_where_training_went_round_it() -> None:
    assert not set(YEARLY) & read_by(SplitKind.TIME, 0, "history")
    assert set(YEARLY) <= read_by(SplitKind.TIME, 1, "history")
    assert set(YEARLY) <= read_by(SplitKind.STRATIFIED, 0, "history")


def test_the_level_of_the_airport_is_learnt_only_where_train_and_test_share_their_days() -> None:
    assert not set(LEVEL) & read_by(SplitKind.TIME, 2, "history")
    assert set(LEVEL) <= read_by(SplitKind.STRATIFIED, 0, "history")


def test_an_expert_without_history_reads_nothing_of_it() -> None:
    history = {feature.name for feature in FEATURES if feature.known is Known.HISTORY}
    assert not history & read_by(SplitKind.STRATIFIED, 2, "timetable")
