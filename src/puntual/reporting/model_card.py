"""The model card: what a model is for, how good it is and what it does not know, in Markdown."""

import re
from collections.abc import Iterable, Mapping, Sequence

from puntual.evaluation import Evaluation, describe_rule
from puntual.flights.flight import Target
from puntual.reporting.narrative import CONDITION_TITLES, answered_by, label, leak, reproduction, summarise
from puntual.reporting.training_result import Training
from puntual.reporting.wording import count, fixed, horizon_title, late_means, measured, percent, period

MEANT_FOR = (
    "Planning, months ahead or on the day: which scheduled departures are likely to be late, and by how much.",
    "Departures from the airports that it learnt from.",
    "Not for decisions about single passengers or crew members, and not for the safety of flight.",
)
PREDICTS = (
    "For one scheduled departure, a probability for each of five bands of its {target} delay, in minutes: {bands}. "
    "The probability of being late, the expected minutes and the quantiles p50, p80 and p95 are all read from it."
)
TOGETHER = (
    "In most states of knowledge the expert of that name answers. In these, chosen on flights before the test, several "
    "answer together, their probabilities averaged as logarithms, or another does:"
)
INTERVALS = "In brackets: 95 % intervals of a bootstrap over whole days. A dash marks what is undefined."
DAY_BEFORE = (
    "It does not know the weather, strikes, air traffic control, maintenance, or how full a flight is.",
    "It does not know whether the inbound aircraft is late, nor anything else of the day itself: history ends "
    "with the day before.",
)
THE_DAY = (
    "It does not know strikes, air traffic control, maintenance, how full a flight is, nor any forecast of the "
    "weather.",
    "What it knows of the day itself is what a feed brings: without one, or longer than a day ahead, history ends "
    "with the day before.",
)
LIMITS = (
    "The late rate of an airport moves from season to season. Without history the model cannot follow it, and "
    "its probabilities are then too low or too high as a whole.",
    "An airline, airport, destination or flight number that was not in training backs off to what stands above "
    "it; the support of the prediction says so.",
    "History older than its windows counts as missing: the further ahead a flight is, the less is known of it.",
    "A cancelled flight counts as late and falls in the last band.",
)
OF_ARRIVALS = (
    "A diverted flight never arrived: it counts as late and falls in the last band, as a cancelled one does.",
    "That a flight has left, and when, does not settle when it arrives: its prediction stays that of before. History "
    "ends with the table, since a journal of departures is no history of arrivals.",
)
CAVEATS = (
    "A late rate tells of past departures, whose causes are often not the airline's own: airport, weather, time "
    "of day. It is no ranking of airlines or of their people.",
    "A probability is no promise: show it to those who plan by it, not the label alone.",
    "Acting on a prediction may change what was predicted, and with it the scores that are measured later.",
    "The data hold flights, not persons; tail numbers, where a source has them, name aircraft.",
)

UNFOLDING = (
    "Less that before: the log loss less that of the row above, on the flights present at every horizon; below 0, "
    "knowing more made it better. Flights that were gone at a cut-off are left out. What the table does not say of "
    "when something became known is assumed late: departures and landings minutes after they happened, weather when "
    "its hour is over, cancellations hours after the schedule. Tails in a record are those that flew."
)

# Characters from guessing to knowing.
_BAR = 40

# What Markdown or HTML would read as more than text.
_SPECIAL = re.compile(r"([\\`*_{}\[\]#|~$])")


def model_card(training: Training) -> str:
    """Write the model card of a training; all that comes from its data stays plain text in Markdown."""
    sections = {
        "Model card": [_items(summarise(training))],
        "Intended use": [_items(MEANT_FOR)],
        "Data": _data(training),
        "What it predicts": [_predicts(training), *_mixtures(training)],
        "Training, validation and test": [_items(_periods(training)), *map(plain, leak(training))],
        "Scores on the test flights": [_scores(training.scores), INTERVALS],
        **(
            {"As the day unfolds": [_horizons(training), _plot(training), UNFOLDING]}
            if training.horizons
            else {}
        ),
        "Calibration": [_calibration(training)],
        "Threshold": [_threshold(training)],
        "Limits": [_items((*(THE_DAY if _is_live(training) else DAY_BEFORE), *_limits(training)))],
        "Ethical and operational caveats": [_items(CAVEATS)],
        "Gate": [_gate(training)],
        "How to reproduce it": _reproduce(training),
    }
    return "\n\n".join(_section(place, *section) for place, section in enumerate(sections.items())) + "\n"


def plain(text: str) -> str:
    r"""Escape a text so that Markdown shows it as it is, on one line.

    >>> print(plain("a|b <script>\n# *c*"))
    a\|b &lt;script&gt; \# \*c\*
    """
    one_line = " ".join(text.split())
    safe = one_line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", safe)


def _section(place: int, title: str, blocks: Sequence[str]) -> str:
    heading = f"{'#' if place == 0 else '##'} {plain(title)}"
    return "\n\n".join([heading, *blocks])


def _items(texts: Iterable[str]) -> str:
    return "\n".join(f"- {plain(text)}" for text in texts)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    ruled = "|" + " --- |" * len(header)
    lines = ["| " + " | ".join(map(plain, row)) + " |" for row in (header, *rows)]
    return "\n".join([lines[0], ruled, *lines[1:]])


def _limits(training: Training) -> tuple[str, ...]:
    return (*LIMITS, *OF_ARRIVALS) if training.table.target == Target.ARRIVAL else LIMITS


def _predicts(training: Training) -> str:
    target = Target(training.table.target)
    return PREDICTS.format(target=target.value, bands=", ".join(target.bands))


def _mixtures(training: Training) -> list[str]:
    rows = answered_by(training)
    return [TOGETHER, _table(("State", "Answered by"), rows)] if rows else []


def _data(training: Training) -> list[str]:
    table = training.table
    facts = (
        f"Source: {table.source}",
        f"SHA-256: {table.digest}",
        f"Scheduled departures: {table.first:%Y-%m-%d} to {table.last:%Y-%m-%d}",
        f"Rows read: {count(table.rows)}; flights: {count(table.flights)}, {percent(table.late_rate)} of them late",
        f"Late: {late_means(table.late_rule, table.target)}",
        *(f"Note: {note}" for note in table.notes),
    )
    if not table.omitted:
        return [_items(facts), "No row was left out."]
    rows = [(omission.reason, count(omission.count), omission.example) for omission in table.omitted]
    return [_items(facts), "Left out:", _table(("Reason", "Rows", "First of them"), rows)]


def _periods(training: Training) -> tuple[str, ...]:
    split = training.split
    trained = f"Trained on {count(split.train_rows)} flights, {period(split.train_from, split.train_until)}"
    tested = f"Tested on {count(split.test_rows)} flights, {period(split.test_from, split.test_until)}"
    validated = f"Validated on {count(split.validation_rows)} flights"
    if split.kind == "time":
        validated += f", {period(split.train_until, split.validation_until)}"
    return f"Split: {split.kind} (seed {split.seed})", trained, validated, tested


def _scores(scores: Mapping[str, Evaluation]) -> str:
    known = [(title, scores[state]) for state, title in CONDITION_TITLES.items() if state in scores]
    rows = [
        ("Flights", *(count(evaluation.flights) for _, evaluation in known)),
        ("Late rate", *(percent(evaluation.late_rate) for _, evaluation in known)),
        ("ROC AUC", *(measured(evaluation.roc_auc) for _, evaluation in known)),
        ("Average precision", *(measured(evaluation.average_precision) for _, evaluation in known)),
        ("Brier score", *(measured(evaluation.brier, 4) for _, evaluation in known)),
        ("Brier skill", *(measured(evaluation.brier_skill) for _, evaluation in known)),
        ("Log loss over five bands", *(measured(evaluation.log_loss, 4) for _, evaluation in known)),
        ("Expected calibration error", *(measured(evaluation.ece, 4) for _, evaluation in known)),
        ("Precision of late", *(measured(evaluation.precision) for _, evaluation in known)),
        ("Recall of late", *(measured(evaluation.recall) for _, evaluation in known)),
        ("F1 of late", *(measured(evaluation.f1) for _, evaluation in known)),
        ("Lift at 10 %", *(measured(evaluation.lift, 2) for _, evaluation in known)),
        ("Pinball loss, minutes", *(measured(evaluation.pinball, 2) for _, evaluation in known)),
    ]
    return _table(("", *(title for title, _ in known)), rows)


def _horizons(training: Training) -> str:
    rows = [
        (
            horizon_title(one.minutes),
            one.state,
            count(one.scores.flights),
            count(one.gone),
            measured(one.scores.roc_auc),
            measured(one.scores.average_precision),
            measured(one.scores.log_loss, 4),
            measured(one.gain, 4),
            measured(one.scores.ece, 4),
        )
        for one in training.horizons
    ]
    heads = (
        "Before departure",
        "State",
        "Flights",
        "Gone by then",
        "ROC AUC",
        "Average precision",
        "Log loss",
        "Less that before",
        "ECE",
    )
    return _table(heads, rows)


def _plot(training: Training) -> str:
    """Draw ROC AUC by horizon as bars of text, from guessing at .5 to 1, in a block that keeps its spaces."""
    known = [(one.minutes, one.scores.roc_auc.value) for one in training.horizons if one.scores.roc_auc]
    bars = [
        f"{horizon_title(minutes):<10} {'█' * round((auc - 0.5) * 2 * _BAR):{_BAR}} {fixed(auc)}"
        for minutes, auc in known
    ]
    return "\n".join(["```text", f"{'ROC AUC':<10} .5{'1':>{_BAR - 2}}", *bars, "```"])


def _is_live(training: Training) -> bool:
    return any(one.minutes and one.state.startswith("live") for one in training.horizons)


def _calibration(training: Training) -> str:
    bins = training.curves.reliability
    rows = [
        (
            percent(b.predicted),
            percent(b.observed),
            f"{percent(b.low)} to {percent(b.high)}",
            count(b.flights),
        )
        for b in bins
    ]
    return _table(("Predicted", "Were late", "95 % interval", "Flights"), rows)


def _threshold(training: Training) -> str:
    return plain(
        f"{label(training.winner)} calls a flight late from {fixed(training.threshold)} upwards. "
        f"The threshold was chosen on validation flights by this rule: {describe_rule(training.threshold_rule)}."
    )


def _gate(training: Training) -> str:
    rows = [
        (f"{finding.number}. {finding.name}", "passed" if finding.passed else "FAILED", finding.reason)
        for finding in training.findings
    ]
    return _table(("Required", "Result", "Measured"), rows)


def _reproduce(training: Training) -> list[str]:
    """Write the command as an indented block, which a single line cannot leave."""
    sentence, command = reproduction(training)
    return [plain(sentence), "    " + " ".join(command.split())]
