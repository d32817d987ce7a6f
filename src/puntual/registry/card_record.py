"""What the model card tells beyond the rest of the manifest, as data that others draw, or write otherwise."""

from datetime import datetime

import msgspec

from puntual.evaluation import Evaluation, Measure, ReliabilityBin
from puntual.evaluation.gate import Finding


class Omission(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that training did not learn from: why, how many, and where the first of them stands."""

    reason: str
    count: int
    example: str


class TableRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The table that was read: rows in the file, flights learnt from, and all that was left out."""

    source: str
    digest: str
    rows: int
    flights: int
    late_rate: float
    late_rule: str
    first: datetime
    last: datetime
    omitted: tuple[Omission, ...]
    notes: tuple[str, ...]
    target: str = "departure"


class HorizonScore(msgspec.Struct, frozen=True, kw_only=True):
    """Test scores so many minutes before the schedule, and how many flights were gone by then and left out.

    `minutes` is 0 for the close of the day before. `state` names the state of knowledge that answers. `gain` is the log
    loss less that at the horizon before, on the flights present at every horizon, with a paired day-block bootstrap
    interval: below 0 where knowing more made it better.
    """

    minutes: int
    state: str
    gone: int
    scores: Evaluation
    gain: Measure | None = None


class CardRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The table that was learnt from, and what was measured on the test flights when the card was written.

    `reliability` holds the test flights in bins of P(late) with history and timetable, from the lowest upwards;
    `horizons` are empty where no live states were learnt, and `command` where the training was started from Python.
    """

    table: TableRecord
    reliability: tuple[ReliabilityBin, ...]
    horizons: tuple[HorizonScore, ...]
    findings: tuple[Finding, ...]
    command: str
