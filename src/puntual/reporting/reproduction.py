"""How a training can be done again: the command that was run, by which version, and when."""

from datetime import timedelta
from typing import NamedTuple

from puntual.reporting.training_result import Training


class Reproduction(NamedTuple):
    """What stands before the command, and the command."""

    sentence: str
    command: str


def reproduction(training: Training) -> Reproduction:
    """Give the command that was run, or for a training that was started from Python, the one that does the same."""
    when = f"{training.created:%Y-%m-%d %H:%M %Z}".strip()
    by = f"puntual {training.puntual} on {when}, on the table whose SHA-256 is above"
    if training.command:
        return Reproduction(f"The command that was run, by {by}:", training.command)
    return Reproduction(f"It was trained from Python, by {by}. The same as a command:", _equivalent(training))


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
