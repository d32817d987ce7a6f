"""A state of knowledge is an entry in one table, and a further one needs no branch anywhere."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import puntual
from experiments_made import QUICK, made_experiments
from puntual.features import states
from puntual.features.spec import Known
from puntual.features.states import STATE_NAMES, STATES, State, knows_history, places_of
from puntual.features.vector import COLUMNS
from puntual.prediction import questions
from puntual.prediction.calibration import from_table, to_table
from puntual.prediction.experts import Model
from puntual.training.bundling import make_questions
from puntual.training.fitting import fit_on
from puntual.training.onnx_export import TOLERANCE, columns_read, convert

PACKAGE = Path(puntual.__file__).parent
SENTINEL = COLUMNS.index("airport_late_rate_60d")


def vectors(*rates: float) -> np.ndarray:
    matrix = np.zeros((len(rates), len(COLUMNS)), np.float32)
    matrix[:, SENTINEL] = rates
    return matrix


def test_each_row_is_named_by_the_state_that_it_is_in() -> None:
    matrix = vectors(0.2, np.nan, 0.3)
    assert [STATE_NAMES[place] for place in places_of(matrix)] == ["history", "timetable", "history"]
    assert knows_history(matrix).tolist() == [True, False, True]
    assert places_of(vectors()).tolist() == []


def branches(tree: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If | ast.IfExp | ast.While):
            yield node.test
        elif isinstance(node, ast.Compare):
            yield node


def names_a_state(node: ast.AST) -> bool:
    """Whether it is `Known.HISTORY` or the like, or a constant of one state."""
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in {("Known", known.name) for known in Known}
    ) or (isinstance(node, ast.Name) and node.id in {"HISTORY", "TIMETABLE", "LIVE"})


def test_no_module_but_the_table_of_states_branches_on_one_of_them() -> None:
    branching = [
        f"{path.relative_to(PACKAGE)}:{test.lineno}"
        for path in PACKAGE.rglob("*.py")
        if path != Path(states.__file__)
        for test in branches(ast.parse(path.read_text(encoding="utf-8")))
        if any(map(names_a_state, ast.walk(test)))
    ]
    assert branching == []


def test_a_branch_on_a_state_is_seen() -> None:
    tree = ast.parse("past = nothing if condition.state.known < Known.HISTORY else flights")
    assert any(names_a_state(node) for test in branches(tree) for node in ast.walk(test))


def test_no_module_takes_a_single_state_from_the_table() -> None:
    imported = {
        name.name
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "puntual.features.states"
        for name in node.names
    }
    assert not {name for name in imported if isinstance(getattr(states, name), State)}
    assert "STATES" in imported


@pytest.fixture
def third_state(monkeypatch: pytest.MonkeyPatch) -> str:
    """One more entry in the table: history that reaches into the last week, before that which does not."""
    recent = replace(STATES[0], name="recent", sentinel=COLUMNS.index("airport_late_rate_7d"))
    # Few flights are in the state of old history: enough of them are shown with it for every band to be among them.
    table = (recent, replace(STATES[0], lagged_share=0.9), *STATES[1:])
    # What the module makes of its table once.
    sentinels = tuple(-1 if state.sentinel is None else state.sentinel for state in table)
    monkeypatch.setattr(states, "_SENTINELS", sentinels)
    for name, module in list(sys.modules.items()):
        if name.startswith("puntual.") and getattr(module, "STATES", None) is STATES:
            monkeypatch.setattr(module, "STATES", table)
        if name.startswith("puntual.") and hasattr(module, "ALL_STATES"):
            monkeypatch.setattr(module, "ALL_STATES", (*table, *states.LIVE_STATES))
        if name.startswith("puntual.") and hasattr(module, "STATE_NAMES"):
            monkeypatch.setattr(module, "STATE_NAMES", tuple(state.name for state in table))
    return recent.name


def test_a_third_state_is_fitted_calibrated_converted_and_stored_by_its_entry_alone(third_state: str) -> None:
    experiment = made_experiments()[0]
    fitted = fit_on(experiment, QUICK, np.arange(1400))
    later = np.arange(1400, 1700)
    calibrated = fitted.calibrated([fitted.predict_holdout(later)])
    models = convert(calibrated.experts)
    assert list(models) == [third_state, "history", "timetable"]
    stored = from_table(to_table(calibrated.calibration))
    assert stored == calibrated.calibration and third_state in stored.scalings
    matrix = np.concatenate([fitted.vectors.for_fitting(state, later) for state in states.STATES])
    assert set(places_of(matrix)) == {0, 1, 2}
    model = Model(models, columns_read(calibrated.experts), QUICK.name, threads=1)
    bands = stored.apply(model.bands(matrix).astype(np.float64), matrix)
    np.testing.assert_allclose(bands, calibrated.predict(matrix), atol=TOLERANCE)


def test_a_bundle_is_asked_about_flights_in_a_third_state_by_its_entry_alone(third_state: str) -> None:
    fitted = fit_on(made_experiments()[0], QUICK, np.arange(1400))
    vectors = questions.vectors_of(make_questions(fitted, convert(fitted.experts)), "made")
    assert states.STATES[0].name == third_state
    assert set(places_of(vectors)) == {0, 1, 2}
