"""The model card tells what a model is for and how good it is, and its data cannot write Markdown."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from puntual.evaluation import Curves
from puntual.reporting.model_card import model_card, plain

HEADINGS = (
    "Intended use",
    "Data",
    "What it predicts",
    "Training, validation and test",
    "Scores on the test flights",
    "As the day unfolds",
    "Calibration",
    "Threshold",
    "Limits",
    "Ethical and operational caveats",
    "Gate",
    "How to reproduce it",
)


@pytest.fixture(scope="module")
def card(make_training):
    return model_card(make_training())


def test_every_section_is_there_in_order(card):
    assert tuple(re.findall(r"^## (.*)$", card, re.MULTILINE)) == HEADINGS


def test_scores_stand_beside_each_other_in_the_three_states(card, make_training):
    [row] = [line for line in card.splitlines() if line.startswith("| ROC AUC |")]

    values = [f"{scores.roc_auc.value:.3f}" for scores in make_training().scores.values()]
    assert re.findall(r"\| (0\.\d{3}) ", row) == values


def test_scores_stand_one_below_the_other_as_the_day_unfolds(card, make_training):
    rows = [
        line for line in card.splitlines() if line.startswith(("| day before |", "| 2 h |", "| 30 min |"))
    ]
    values = [f"{one.scores.roc_auc.value:.3f}" for one in make_training().horizons]
    assert [re.findall(r"\| (0\.\d{3}) ", row)[0] for row in rows] == values
    assert r"live\_180" in rows[1]


def test_bars_grow_with_what_is_known(card, make_training):
    bars = [line.count("█") for line in card.splitlines() if "█" in line]
    assert bars == sorted(bars) and len(set(bars)) == len(make_training().horizons)


def test_it_says_which_experts_answer_together_and_with_what_share(make_training):
    mixtures = {
        "history": {"history": 0.5, "history_level": 0.5},
        "live_180": {"live_180": 0.375, "live": 0.375, "day_before": 0.25},
    }

    rows = [line for line in model_card(make_training(mixtures=mixtures)).splitlines() if "%" in line]

    assert r"| history | 50 % history; 50 % history\_level, which learns the airport's level |" in rows
    assert any(
        row.startswith(r"| live\_180 | 38 % live\_180; 38 % live,") and "25 % day" in row for row in rows
    )
    assert "answer together" not in model_card(make_training())


def test_limits_say_of_the_day_itself_what_is_true(make_training):
    live, bare = make_training(), make_training(horizons=())
    for sentence, one, other in (
        ("history ends with the day before", live, bare),
        ("nor any forecast of the weather", live, None),
        ("It does not know the weather", bare, None),
    ):
        assert sentence in model_card(one) and (other is None or sentence in model_card(other))
    assert "It does not know the weather" not in model_card(live)


def test_a_hostile_name_writes_neither_html_nor_a_column(card):
    assert "<" not in card
    rows = [line for line in card.splitlines() if line.startswith("| blank row |")]
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [4]
    assert "&lt;script&gt;alert" in rows[0]


@given(st.text())
def test_plain_text_has_no_line_break_and_nothing_special_that_is_not_escaped(text):
    escaped = plain(text)

    assert len(escaped.splitlines()) <= 1
    assert not re.search(r"[<>]", escaped)
    assert not re.search(r"[|`*_\[\]#]", re.sub(r"\\.", "", escaped))


def test_the_command_that_was_run_is_on_the_card_whole_with_version_and_date(make_training):
    command = (
        "puntual train --source table --data 'my flights.csv' --map map.toml --bad-rows leave_out --seed 7"
    )

    card = model_card(make_training(command=command))

    assert card.rstrip().splitlines()[-1] == f"    {command}"
    assert "The command that was run, by puntual 0.1.0 on 2026-01-02 03:04 UTC" in card


def test_a_training_from_python_is_given_as_the_command_that_does_the_same(card):
    [command] = [line for line in card.splitlines() if line.startswith("    ")]

    assert command.strip() == (
        "puntual train --source nyc --from 2013-01-01 --until 2014-01-01 --split time "
        "--candidates logistic,forest,lightgbm,xgboost,neural --preset standard --cost maximise F1 of late --seed 0"
    )
    assert "It was trained from Python, by puntual 0.1.0 on 2026-01-02 03:04 UTC" in card


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("balanced", "balanced, as many flights are called late as were late"),
        ("capacity=10%", "capacity=10%, the most flights, but no more than that share of all"),
        ("miss=5", "miss=5, the least cost"),
    ],
)
def test_the_rule_of_the_threshold_is_named_and_explained(make_training, rule, words):
    card = model_card(make_training(threshold_rule=rule))
    assert f"by this rule: {words}" in card


def test_a_search_is_part_of_the_command(make_training):
    assert model_card(make_training(tuned_minutes=2.5)).rstrip().endswith("--tune 2.5")


def test_undefined_measures_are_dashes(make_training, evaluate):
    never_late = evaluate(late=False)

    card = model_card(make_training(scores={"history": never_late}, curves=Curves(None, None, [])))

    assert "| ROC AUC | – |" in card
    assert "None" not in card


def test_a_table_of_which_nothing_was_left_out_says_so(make_training):
    made = make_training()
    table = msgspec.structs.replace(made.table, omitted=())

    assert "No row was left out." in model_card(msgspec.structs.replace(made, table=table))
