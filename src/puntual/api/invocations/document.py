"""What `POST /invocations` answers: flat rows, or what is wrong in the words of MLflow's scoring server."""

import msgspec

from puntual.api.predict.contract import PredictedFlight
from puntual.prediction.predictions import BAND_NAMES


class InvokedRow(msgspec.Struct, frozen=True):
    """The prediction of one flight, flat, under the names that `puntual predict` writes.

    `missing` are the fields that were not given, apart by spaces, and `warnings` the codes of the warnings, by
    semicolons.
    """

    late_probability: float
    up_to_15: float = msgspec.field(name=BAND_NAMES[0])
    from_15: float = msgspec.field(name=BAND_NAMES[1])
    from_30: float = msgspec.field(name=BAND_NAMES[2])
    from_60: float = msgspec.field(name=BAND_NAMES[3])
    from_120: float = msgspec.field(name=BAND_NAMES[4])
    expected_delay_minutes: float
    p50: float
    p80: float
    p95: float
    late: bool
    support_airline: int
    support_route: int
    support_flight: int
    timetable: str
    history_until: str | None
    horizon_minutes: int | None
    missing: str
    warnings: str

    @classmethod
    def of(cls, prediction: PredictedFlight) -> "InvokedRow":
        """Lay a prediction flat."""
        bands, quantiles = prediction.bands, prediction.delay_quantiles
        return cls(
            prediction.late_probability,
            bands.up_to_15,
            bands.from_15,
            bands.from_30,
            bands.from_60,
            bands.from_120,
            prediction.expected_delay_minutes,
            quantiles.p50,
            quantiles.p80,
            quantiles.p95,
            prediction.late,
            prediction.support.airline,
            prediction.support.route,
            prediction.support.flight,
            prediction.timetable,
            prediction.history_until,
            prediction.horizon_minutes,
            " ".join(prediction.missing or ()),
            ";".join(warning.code for warning in prediction.warnings),
        )


class Invoked(msgspec.Struct, frozen=True):
    """The predictions, in the order of the rows."""

    predictions: list[InvokedRow]


class InvocationError(msgspec.Struct, frozen=True):
    """What is wrong, as MLflow's scoring server says it."""

    error_code: str
    message: str
