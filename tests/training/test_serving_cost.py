"""What an answer costs is counted in the trees of each kind as the library that grew them counts their depths."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from lightgbm import LGBMClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from xgboost import XGBClassifier

from puntual.training.fitting import Expert, Experts
from puntual.training.onnx_export import branches_of, convert

FLIGHTS, WIDTH = 2_000, 4
CHANCE = np.random.default_rng(0)
VECTORS = CHANCE.random((FLIGHTS, WIDTH)).astype(np.float32)
BANDS = (4.999 * VECTORS[:, 0] * np.sqrt(VECTORS[:, 1])).astype(int)


def converted(estimator: Any, *, states: tuple[str, ...] = ("history",)) -> Mapping[str, bytes]:
    estimator.fit(VECTORS, BANDS)
    expert = Expert(estimator, np.arange(WIDTH, dtype=np.intp))
    return convert(Experts(dict.fromkeys(states, expert)))


def test_a_forest_costs_the_depths_of_its_trees() -> None:
    forest = RandomForestClassifier(5, min_samples_leaf=20, random_state=0)
    models = converted(make_pipeline(SimpleImputer(), forest))
    depths = [tree.get_depth() for tree in forest.estimators_]
    assert len({*depths}) > 1
    assert branches_of(models) == sum(depths)


def test_lightgbm_s_trees_of_one_band_each_cost_their_depths() -> None:
    boosted = LGBMClassifier(n_estimators=3, num_leaves=9, verbose=-1)
    models = converted(boosted)
    trees = boosted.booster_.dump_model()["tree_info"]
    assert len(trees) == 15
    assert branches_of(models) == sum(_depth(tree["tree_structure"]) for tree in trees)


def test_xgboost_s_trees_for_all_bands_cost_their_depths() -> None:
    boosted = XGBClassifier(
        n_estimators=3, max_depth=4, multi_strategy="multi_output_tree", tree_method="hist"
    )
    assert branches_of(converted(boosted)) == 3 * 4


def test_what_multiplies_matrices_passes_no_branch() -> None:
    assert branches_of(converted(LogisticRegression())) == 0


@pytest.mark.parametrize("states", [("history",), ("timetable", "history")])
def test_all_experts_count(states: tuple[str, ...]) -> None:
    models = converted(
        XGBClassifier(n_estimators=1, max_depth=2, multi_strategy="multi_output_tree"), states=states
    )
    assert branches_of(models) == 2 * len(states)


def _depth(node: dict[str, Any]) -> int:
    return 1 + max(_depth(node["left_child"]), _depth(node["right_child"])) if "left_child" in node else 0
