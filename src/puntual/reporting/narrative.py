"""What a training means, in sentences for people: the opening of its report and of its model card."""

from datetime import timedelta
from typing import NamedTuple

from puntual.evaluation import Evaluation
from puntual.features.states import CONDITIONS, MAIN
from puntual.prediction.experts import DAY_BEFORE, LEVEL_EXPERT, POOLED_EXPERT
from puntual.reporting.training_result import CandidateResult, Training
from puntual.reporting.wording import count, fixed, in_a_hundred, measured, percent, period, signed

TREATMENTS = {"none": "no treatment", "weights": "class weights", "down": "down-sampling"}
CONDITION_TITLES = {condition.name: condition.title for condition in CONDITIONS}
EXPERTS = {
    LEVEL_EXPERT: "which learns the airport's level",
    POOLED_EXPERT: "which is for all horizons",
    DAY_BEFORE: "which is what the day before says",
}


class Reproduction(NamedTuple):
    """What stands before the command, and the command."""

    sentence: str
    command: str


def summarise(training: Training) -> tuple[str, ...]:
    """Say who won and why, how good it is, what its threshold means and what came of the gate's checks."""
    test = training.scores[MAIN.name]
    sentences = (_who_won(training), _how_good(training, test), _threshold(training, test))
    return (*sentences, _calibration(test), _gate(training), *_preset(training))


def label(candidate: CandidateResult) -> str:
    """Name a candidate with its treatment of the imbalance."""
    return f"{candidate.name} ({TREATMENTS.get(candidate.treatment, candidate.treatment)})"


def leak(training: Training) -> tuple[str, ...]:
    """Say what a random split gets wrong, with this training's own numbers."""
    time, mixed = training.by_split.get("time"), training.by_split.get("stratified")
    if time is None or mixed is None:
        return (ONE_SPLIT[training.backtests],)
    return (_split_difference(time, mixed), LEAK, _which_to_expect(time, mixed))


def answered_by(training: Training) -> tuple[tuple[str, str], ...]:
    """Name the states of knowledge that several experts answer in, or one of another name, and the share of each."""
    return tuple(
        (state, "; ".join(_share(name, share) for name, share in mixture.items()))
        for state, mixture in training.mixtures.items()
    )


def reproduction(training: Training) -> Reproduction:
    """Give the command that was run, or for a training that was started from Python, the one that does the same."""
    when = f"{training.created:%Y-%m-%d %H:%M %Z}".strip()
    by = f"puntual {training.puntual} on {when}, on the table whose SHA-256 is above"
    if training.command:
        return Reproduction(f"The command that was run, by {by}:", training.command)
    return Reproduction(f"It was trained from Python, by {by}. The same as a command:", _equivalent(training))


ONE_SPLIT = {
    "done": "Only one of the two splits was scored, so they cannot be compared.",
    "following": "The other split, one cut-off after another and the ablation are measured after the bundle is "
    "published: the report of the training and the card beside it hold them.",
    "left out": "Backtests were left out (--no-backtest): neither the other split nor one cut-off after another was "
    "scored, and no ablation was made.",
}
LEAK = (
    "The leak has a name: shared days. A random split deals the flights of one and the same day to both sides, "
    "so the model is tested on days whose storms, strikes and jams it has already met in their other flights. "
    "In use it never has: nobody knows tomorrow's departures today."
)


def _share(name: str, share: float) -> str:
    return ", ".join([f"{percent(share, 0)} {name}", *([EXPERTS[name]] if name in EXPERTS else [])])


def _who_won(training: Training) -> str:
    winner, rivals = training.winner, len(training.comparison)
    who = (
        f"Of {rivals} candidates, {label(winner)} was chosen."
        if rivals > 1
        else f"{label(winner)} was chosen."
    )
    loss = f"Its log loss on the validation flights, averaged over the states of knowledge, is {winner.log_loss:.4f}"
    tied = sum(candidate.tied for candidate in training.comparison)
    if tied > 1:
        return f"{who} {loss}; {tied} candidates are as good as the lowest, and of these it is the cheapest to serve."
    return f"{who} {loss}, and no other was shown to be as good." if rivals > 1 else f"{who} {loss}."


def _how_good(training: Training, test: Evaluation) -> str:
    split = training.split
    when = period(split.test_from, split.test_until)
    where = (
        f"On {count(test.flights)} test flights, all after its training ({when})"
        if split.kind == "time"
        else f"On {count(test.flights)} test flights drawn at random from its training's own days ({when}), "
        "which flatters it"
    )
    if test.roc_auc is None:
        return f"{where}, ranking cannot be measured: all were late, or none."
    pairs = in_a_hundred(test.roc_auc.value)
    return (
        f"{where}, it gives the late flight the higher probability in {pairs} of 100 pairs of a late and a "
        f"punctual one (ROC AUC {measured(test.roc_auc)}; guessing has 0.5)."
    )


def _threshold(training: Training, test: Evaluation) -> str:
    rule = f"chosen on validation flights: {training.threshold_rule}"
    start = f"It calls a flight late from a probability of {percent(training.threshold)} upwards ({rule})"
    if test.precision is None or test.recall is None:
        return f"{start}; on the test flights that leaves nothing to count."
    return (
        f"{start}: of 100 test flights it calls late, {in_a_hundred(test.precision.value)} are; "
        f"of 100 late flights, it finds {in_a_hundred(test.recall.value)}. "
        f"For comparison, {in_a_hundred(test.late_rate)} of 100 test flights were late."
    )


def _calibration(test: Evaluation) -> str:
    points = fixed(100 * test.ece.value, 1)
    return f"On the test flights its probabilities differ from what happened by {points} percentage points on average."


def _gate(training: Training) -> str:
    failed = [finding for finding in training.findings if not finding.passed]
    if not failed:
        return f"It passed all {len(training.findings)} checks of the gate."
    named = "; ".join(f"{finding.number}, {finding.name}" for finding in failed)
    return f"It failed {len(failed)} of {len(training.findings)} checks of the gate ({named})."


def _preset(training: Training) -> tuple[str, ...]:
    if training.preset != "quick":
        return ()
    return ("This is the quick preset: small models, to look around with; the standard preset does better.",)


def _split_difference(time: Evaluation, mixed: Evaluation) -> str:
    if time.roc_auc is None or mixed.roc_auc is None:
        return "ROC AUC is undefined under one of the two splits, so they cannot be compared by it."
    difference = mixed.roc_auc.value - time.roc_auc.value
    return (
        f"Tested on flights after its training, the recipe reaches a ROC AUC of {measured(time.roc_auc)}; tested "
        f"on flights drawn at random from all days, {measured(mixed.roc_auc)}: {signed(difference)}. "
        f"The late rates of the two tests are {percent(time.late_rate)} and {percent(mixed.late_rate)}."
    )


def _which_to_expect(time: Evaluation, mixed: Evaluation) -> str:
    flattered = time.roc_auc and mixed.roc_auc and mixed.roc_auc.value > time.roc_auc.value
    if flattered:
        return "Expect the score by time; the difference is not skill that will be there in use."
    return "Here the random split does not flatter the model; the score by time is still the one to expect."


def _equivalent(training: Training) -> str:
    table, names = training.table, dict.fromkeys(one.name for one in training.comparison)
    until = table.last.date() + timedelta(days=1)
    words = [
        f"puntual train --source {table.source} --from {table.first:%Y-%m-%d} --until {until}",
        f"--split {training.split.kind} --candidates {','.join(names)} --preset {training.preset}",
        f"--cost {training.threshold_rule} --seed {training.split.seed}",
    ]
    if training.tuned_minutes:
        words.append(f"--tune {training.tuned_minutes:g}")
    return " ".join(" ".join(words).split())
