"""`GET /models/champion`: the bundle that answers, what it learnt from, and what it was measured at."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from puntual.evaluation import Evaluation, ReliabilityBin
from puntual.evaluation.gate import Finding
from puntual.flights.flight import Target
from puntual.registry import Bundle, SplitInfo
from puntual.registry.card_record import CardRecord, HorizonScore, Omission

LocalTime = Annotated[
    str, Meta(description="By the clocks where flights left, to the minute.", examples=["2013-07-01T00:00"])
]


class ChampionSplit(msgspec.Struct, frozen=True):
    """Which flights taught the model and which ones tested it; the end of each period is not in it."""

    kind: Annotated[str, Meta(examples=["time"])]
    train_from: LocalTime
    train_until: LocalTime
    validation_until: LocalTime
    test_from: LocalTime
    test_until: LocalTime
    train_rows: int
    validation_rows: int
    test_rows: int


class ChampionRecord(msgspec.Struct, frozen=True):
    """What the card was written from: the table that was learnt from, and what was measured on the test flights.

    `reliability` holds those in bins of P(late), `horizons` their scores as the day unfolds, empty without live states.
    """

    rows: int
    flights: int
    late_rate: float
    omitted: list[Omission]
    notes: list[str]
    reliability: list[ReliabilityBin]
    horizons: list[HorizonScore]
    findings: list[Finding]


class Champion(msgspec.Struct, frozen=True, kw_only=True):
    """The bundle that answers: what it is, what it learnt from, what it was measured at, and its card.

    `card` is the text of the model card, in English Markdown, and `record` what it was written from, as data; bundles
    of before Puntual kept it have none.
    """

    version: str
    created: str
    puntual: str
    preset: str
    source: str
    data_digest: str | None
    learnt_from: str
    trained_until: str
    history_until: str
    airports: list[str]
    candidate: str
    treatment: str
    target: Target
    late_rule: str
    bands: list[str]
    threshold: float
    threshold_rule: str
    shadow: str | None
    columns: list[str]
    split: ChampionSplit
    scores: dict[str, Evaluation]
    record: ChampionRecord | None
    card: str


def champion_of(bundle: Bundle, shadow: str | None) -> Champion:
    """Describe a bundle that answers, beside which another may answer unseen."""
    manifest = bundle.manifest
    return Champion(
        version=bundle.version,
        created=manifest.created.isoformat(),
        puntual=manifest.puntual,
        preset=manifest.preset,
        source=manifest.source,
        data_digest=manifest.data_digest,
        learnt_from=manifest.period[0].date().isoformat(),
        trained_until=manifest.period[1].date().isoformat(),
        history_until=manifest.history_until.isoformat(),
        airports=list(manifest.airports),
        candidate=manifest.candidate,
        treatment=manifest.treatment,
        target=manifest.target,
        late_rule=str(manifest.late_rule),
        bands=list(manifest.bands),
        threshold=manifest.threshold,
        threshold_rule=manifest.threshold_rule,
        shadow=shadow,
        columns=list(manifest.columns),
        split=_split(manifest.split),
        scores=manifest.scores,
        record=None if manifest.card is None else _record(manifest.card),
        card=bundle.card,
    )


def _split(split: SplitInfo) -> ChampionSplit:
    shown = {
        name: value.isoformat(timespec="minutes") if isinstance(value, datetime) else value
        for name, value in msgspec.structs.asdict(split).items()
        if name in ChampionSplit.__struct_fields__
    }
    return msgspec.convert(shown, ChampionSplit)


def _record(card: CardRecord) -> ChampionRecord:
    table = card.table
    return ChampionRecord(
        table.rows,
        table.flights,
        table.late_rate,
        list(table.omitted),
        list(table.notes),
        list(card.reliability),
        list(card.horizons),
        list(card.findings),
    )
