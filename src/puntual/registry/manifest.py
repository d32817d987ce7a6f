"""What a bundle says of itself: its model, its data, its scores and the digest of each of its members."""

from datetime import date, datetime
from importlib import metadata
from typing import Annotated, Literal

import msgspec

from puntual.errors import BundleError
from puntual.evaluation import Evaluation
from puntual.evaluation.gate import Evidence
from puntual.flights.flight import LateRule, Target
from puntual.registry.card_record import CardRecord

# A change that an older Puntual would misread raises it; a field with a default does not.
FORMAT = 5
# The oldest that is read still: those in which no state is answered by several experts, and all predict departures.
OLDEST_FORMAT = 4
# The tables without which no prediction can be made from a bundle.
REQUIRED_TABLES: frozenset[str] = frozenset(
    {
        "calibration",
        "delay_shape",
        "histograms",
        "history",
        "questions",
        "reference",
        "tested_calibration",
        "tested_questions",
        "tested_typical_week",
        "tested_vocabulary",
        "typical_week",
        "vocabulary",
    }
)

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
LocalMoment = Annotated[datetime, msgspec.Meta(tz=False)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class SplitInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Which flights taught the model and which ones tested it; local times, each end exclusive."""

    kind: Literal["time", "stratified"]
    train_from: LocalMoment
    train_until: LocalMoment
    validation_until: LocalMoment
    test_from: LocalMoment
    test_until: LocalMoment
    train_rows: Count
    validation_rows: Count
    test_rows: Count
    seed: int


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """How far ONNX and estimator were apart: `rows` compared, and the largest difference of a probability."""

    rows: Count
    rows_with_missing: Count
    largest_difference: float
    candidates: dict[str, float]


class FailedCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A check of the gate that a forced promotion went past."""

    number: int
    reason: str


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """A promotion that the bundle has to remember because it was forced."""

    at: Instant
    forced: bool
    failed: tuple[FailedCheck, ...] = ()


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """All that is said of a model outside its weights and tables.

    `period` holds the scheduled departures of the first and last flight learnt from. `columns` are the features
    in the order of the vector, which is `input_width` wide, and `expert_columns` those that the expert of each state of
    knowledge reads, in its order. `mixtures` holds, by the name of a state that several experts answer in together, the
    share of each. `absent` names the fields of flights that the table did not tell, which are unknown of every flight.
    `target` is the delay that it predicts. `card` is what its model card tells, as data; older bundles lack it.
    `members` maps each other file of the bundle to its SHA-256 and is filled in on writing.
    """

    created: Instant
    puntual: str
    candidate: str
    treatment: Literal["none", "weights", "down"]
    preset: str
    source: str
    data_digest: str | None
    late_rule: LateRule
    columns: tuple[str, ...]
    input_width: Count
    expert_columns: dict[str, tuple[str, ...]]
    bands: tuple[str, ...]
    threshold: float
    threshold_rule: str
    split: SplitInfo
    period: tuple[LocalMoment, LocalMoment]
    history_until: date
    airports: tuple[str, ...]
    agreement: Agreement
    versions: dict[str, str]
    scores: dict[str, Evaluation]
    evidence: Evidence
    mixtures: dict[str, dict[str, float]] = {}
    absent: tuple[str, ...] = ()
    target: Target = Target.DEPARTURE
    format: int = FORMAT
    promotion: Promotion | None = None
    card: CardRecord | None = None
    parent: str | None = None
    members: dict[str, str] = {}


def encode(manifest: Manifest) -> bytes:
    """Write the manifest as indented JSON, the same bytes each time.

    Raise BundleError for one that cannot be read back. NaN is the usual reason: JSON makes it null, no number.
    """
    raw = msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=2) + b"\n"
    decode(raw, "the manifest to be written")
    return raw


def decode(raw: bytes, name: str) -> Manifest:
    """Read the manifest of the bundle `name`; raise BundleError when it is of another format or unreadable."""
    try:
        _refuse_other(msgspec.json.decode(raw, type=_Format), name)
        manifest = msgspec.json.decode(raw, type=Manifest)
    except msgspec.DecodeError as error:
        raise BundleError(
            f"{name}: unreadable manifest ({error}); write or fetch the bundle again"
        ) from error
    _require_width(manifest, name)
    return manifest


class _Format(msgspec.Struct):
    """The two fields that every format keeps, so that an older Puntual can name the newer one it needs."""

    format: int
    puntual: str = "a newer version"


def _refuse_other(given: _Format, name: str) -> None:
    if given.format > FORMAT:
        raise BundleError(
            f"{name}: bundle format {given.format}, written by puntual {given.puntual}; puntual "
            f"{metadata.version('puntual')} reads formats up to {FORMAT}: install puntual>={given.puntual}"
        )
    if given.format < 1:
        raise BundleError(
            f"{name}: bundle format {given.format}; formats start at 1: write or fetch the bundle again"
        )
    if given.format < OLDEST_FORMAT:
        raise BundleError(
            f"{name}: bundle format {given.format}, written by the older puntual {given.puntual}; puntual "
            f"{metadata.version('puntual')} reads formats from {OLDEST_FORMAT} to {FORMAT}: train again"
        )


def _require_width(manifest: Manifest, name: str) -> None:
    if len(manifest.columns) != manifest.input_width:
        raise BundleError(
            f"{name}: missing columns: the manifest names {len(manifest.columns)} for a model that takes "
            f"{manifest.input_width}; train again, or fetch the bundle again"
        )
