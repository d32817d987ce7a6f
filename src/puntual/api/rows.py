"""From predictions to the words of the contract: what is said of flights, row by row, and the body that holds it."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

import msgspec

from puntual.api.contract import Bands, ModelName, Predicted, Quantiles, Reason, Support
from puntual.bundle import Bundle
from puntual.features.vector import GROUPS
from puntual.predictions import SUPPORT_LEVELS, Predictions

_ENCODER = msgspec.json.Encoder()
_AIRLINE, _ROUTE, _FLIGHT = (SUPPORT_LEVELS.index(level) for level in ("airline", "route", "flight"))


class Row(NamedTuple):
    """What is said of a flight but for its horizon, which depends on the moment of asking alone."""

    late_probability: float
    late: bool
    threshold: float
    bands: Bands
    expected: float
    quantiles: Quantiles
    timetable: str
    until: str | None
    support: Support
    reasons: "list[Reason] | msgspec.UnsetType"

    def predicted(self, horizon: int) -> Predicted:
        """Add the horizon in minutes."""
        return Predicted(
            self.late_probability,
            self.late,
            self.threshold,
            self.bands,
            self.expected,
            self.quantiles,
            horizon,
            self.timetable,  # type: ignore[arg-type]
            self.until,
            self.support,
            self.reasons,
        )


def rows_of(said: Predictions, threshold: float) -> list[Row]:
    """Read n predictions row by row, as the contract names them; floats stay as they are, to the bit."""
    supports = said.supports
    if said.reasons is None:
        reasons: list[list[Reason] | msgspec.UnsetType] = [msgspec.UNSET] * len(said.bands)
    else:
        reasons = [_reasons(effects) for effects in said.reasons.tolist()]
    return [
        Row(
            p_late,
            late,
            threshold,
            Bands(*bands),
            expected,
            Quantiles(*quantiles),
            timetable,
            until,
            support,
            why,
        )
        for p_late, late, bands, expected, quantiles, timetable, until, support, why in zip(
            said.p_late.tolist(),
            said.late.tolist(),
            said.bands.tolist(),
            said.expected_minutes.tolist(),
            said.quantiles.tolist(),
            ["known" if known else "typical" for known in said.timetable_known.tolist()],
            [_date(day) for day in said.history_until.tolist()],
            [Support(row[_AIRLINE], row[_ROUTE], row[_FLIGHT]) for row in supports.tolist()],
            reasons,
            strict=True,
        )
    ]


def _reasons(effects: list[float]) -> list[Reason]:
    """Name the groups, the one that matters most first."""
    named = [Reason(str(group), effect) for group, effect in zip(GROUPS, effects, strict=True)]
    return sorted(named, key=lambda reason: -abs(reason.effect))


def head_of(bundle: Bundle) -> bytes:
    """Give the beginning of every answer of a bundle, which names it."""
    name = ModelName(bundle.version, bundle.manifest.period[1].date().isoformat())
    return b'{"model":' + _ENCODER.encode(name) + b',"predictions":'


def written(head: bytes, rows: Sequence[Row], horizons: Sequence[int]) -> bytes:
    """Write the body of an answer about n flights, whose horizons are in minutes."""
    said = [row.predicted(horizon) for row, horizon in zip(rows, horizons, strict=True)]
    return head + _ENCODER.encode(said) + b"}"


@lru_cache(maxsize=4_096)
def _date(day: int) -> str | None:
    return None if day < 0 else (date(1970, 1, 1) + timedelta(days=day)).isoformat()
