"""From predictions to the words of the contract: what is said of flights, row by row, and the body that holds it."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache

import msgspec
from msgspec.structs import replace

from puntual.api.predict.contract import Bands, ModelName, PredictedFlight, Quantiles, Reason, Support
from puntual.features.vector import GROUPS
from puntual.prediction.predictions import SUPPORT_LEVELS, Predictions
from puntual.registry import Bundle

_ENCODER = msgspec.json.Encoder()
_AIRLINE, _ROUTE, _FLIGHT = (SUPPORT_LEVELS.index(level) for level in ("airline", "route", "flight"))


def rows_of(predictions: Predictions, threshold: float, horizons: Sequence[int]) -> list[PredictedFlight]:
    """Read n predictions row by row, as the contract names them; floats stay as they are, to the bit.

    `horizons` are in minutes, and depend on the moment of asking alone.
    """
    if predictions.reasons is None:
        reasons: list[list[Reason] | msgspec.UnsetType] = [msgspec.UNSET] * len(predictions.bands)
    else:
        reasons = [_reasons(effects) for effects in predictions.reasons.tolist()]
    return [
        PredictedFlight(
            p_late,
            late,
            threshold,
            Bands(*bands),
            expected,
            Quantiles(*quantiles),
            horizon,
            "known" if known else "typical",
            _date(until),
            Support(support[_AIRLINE], support[_ROUTE], support[_FLIGHT]),
            why,
        )
        for p_late, late, bands, expected, quantiles, horizon, known, until, support, why in zip(
            predictions.p_late.tolist(),
            predictions.late.tolist(),
            predictions.bands.tolist(),
            predictions.expected_minutes.tolist(),
            predictions.quantiles.tolist(),
            horizons,
            predictions.timetable_known.tolist(),
            predictions.history_until.tolist(),
            predictions.supports.tolist(),
            reasons,
            strict=True,
        )
    ]


def with_missing(row: PredictedFlight, missing: Sequence[str]) -> PredictedFlight:
    """Say which fields of a flight were missing; without a date there is neither horizon nor timetable."""
    if not missing:
        return row
    row = replace(row, missing=list(missing))
    return (
        replace(row, horizon_minutes=None, timetable="unknown") if "scheduled_departure" in missing else row
    )


def _reasons(effects: list[float]) -> list[Reason]:
    """Name the groups, the one that matters most first."""
    named = [Reason(str(group), effect) for group, effect in zip(GROUPS, effects, strict=True)]
    return sorted(named, key=lambda reason: -abs(reason.effect))


def head_of(bundle: Bundle) -> bytes:
    """Give the beginning of every answer of a bundle, which names it."""
    manifest = bundle.manifest
    name = ModelName(bundle.version, manifest.period[1].date().isoformat(), manifest.threshold_rule)
    return b'{"model":' + _ENCODER.encode(name) + b',"predictions":'


def written(head: bytes, rows: Sequence[PredictedFlight]) -> bytes:
    """Write the body of an answer."""
    return head + _ENCODER.encode(rows) + b"}"


@lru_cache(maxsize=4_096)
def _date(day: int) -> str | None:
    return None if day < 0 else (date(1970, 1, 1) + timedelta(days=day)).isoformat()
