"""What `POST /predict` takes and gives: the words of the contract, and no others."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from puntual.flights.flight import BAND_KEYS
from puntual.prediction.warnings import PredictionWarning

MOST_FLIGHTS = 1_000
LONGEST_CODE = 8

Code = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=LONGEST_CODE,
        pattern="^[0-9A-Za-z]+$",
        description="Letters and digits.",
    ),
]
_ShortText = Annotated[str, Meta(min_length=1, max_length=LONGEST_CODE)]
AirportCode = Annotated[
    str,
    Meta(
        max_length=LONGEST_CODE,
        description="IATA or ICAO code, in any case.",
        extra_json_schema={"format": "airport-code"},
    ),
]
DestinationCode = Annotated[
    str,
    Meta(
        max_length=LONGEST_CODE,
        description="IATA or ICAO code, in any case, of another airport than the origin.",
        extra_json_schema={"format": "destination-code"},
    ),
]
Time = Annotated[
    str,
    Meta(
        min_length=10,
        max_length=40,
        description="ISO 8601, local to the origin unless it carries an offset.",
        examples=["2017-10-03T23:30"],
        extra_json_schema={"format": "flight-time"},
    ),
]


class ScheduledFlight(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """One scheduled departure that is asked about; of an airline or a number that is not given nothing is taken."""

    origin: Annotated[AirportCode, Meta(examples=["SCL"])]
    destination: Annotated[DestinationCode, Meta(examples=["MIA"])]
    scheduled_departure: Time
    airline: (
        Annotated[
            Code,
            Meta(description="Unknown where it is not given; then so is the flight's.", examples=["LAN"]),
        ]
        | None
    ) = None
    flight_number: (
        Annotated[Code, Meta(description="Unknown where it is not given.", examples=["226"])] | None
    ) = None


# Works as it stands, whatever the model.
EXAMPLE = ScheduledFlight("SCL", "MIA", "2017-10-03T23:30", airline="LAN", flight_number="226")


class PredictRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Flights to predict, from what was known at `as_of`.

    Without `as_of` the cut-off is now, or the end of the day before for a flight that is already gone. `reasons` adds
    the share of each group of features in the probability.
    """

    flights: Annotated[list[ScheduledFlight], Meta(min_length=1, max_length=MOST_FLIGHTS)]
    as_of: Time | None = None
    reasons: bool = False


class _QuickFlight(ScheduledFlight, frozen=True, forbid_unknown_fields=True, gc=False):
    """One without patterns, which take the decoder longer than all the rest; `has_codes` says whether it keeps them."""

    airline: _ShortText | None = None
    flight_number: _ShortText | None = None


class _QuickRequest(PredictRequest, frozen=True, forbid_unknown_fields=True):
    """One of such flights."""

    flights: Annotated[list[_QuickFlight], Meta(min_length=1, max_length=MOST_FLIGHTS)]  # type: ignore[assignment]


QUICK_DECODER: msgspec.json.Decoder[PredictRequest] = msgspec.json.Decoder(_QuickRequest)


class Bands(msgspec.Struct, frozen=True, gc=False):
    """The probability of each range of delay in minutes; the last one holds cancellations too. They sum to 1."""

    up_to_15: float = msgspec.field(name=BAND_KEYS[0])
    from_15: float = msgspec.field(name=BAND_KEYS[1])
    from_30: float = msgspec.field(name=BAND_KEYS[2])
    from_60: float = msgspec.field(name=BAND_KEYS[3])
    from_120: float = msgspec.field(name=BAND_KEYS[4])


class Quantiles(msgspec.Struct, frozen=True, gc=False):
    """The delays in minutes not exceeded with probability .5, .8 and .95."""

    p50: float
    p80: float
    p95: float


class Support(msgspec.Struct, frozen=True, gc=False):
    """The flights of the last sixty days behind a prediction: of the airline there, on the route, of the number."""

    airline: int
    route: int
    flight: int


class Reason(msgspec.Struct, frozen=True, gc=False):
    """The share of one group of features in the difference from the reference flight (Shapley value)."""

    group: str
    effect: float


class PredictedFlight(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The prediction of one flight."""

    late_probability: float
    late: bool
    threshold: float
    bands: Bands
    expected_delay_minutes: float
    delay_quantiles: Quantiles
    horizon_minutes: Annotated[
        int | None,
        Meta(description="Minutes from the cut-off to the scheduled departure; null without a date."),
    ]
    timetable: Annotated[
        Literal["known", "typical", "unknown"], Meta(description="unknown for a flight without a date.")
    ]
    history_until: Annotated[str | None, Meta(description="Last day of operations used, or null.")]
    support: Support
    warnings: Annotated[
        tuple[PredictionWarning, ...],
        Meta(description="What of the flight lies outside what the model knows; empty where nothing does."),
    ]
    state: Annotated[
        Literal["timetable", "history", "live"], Meta(description="What was known: the state of knowledge.")
    ]
    reasons: list[Reason] | msgspec.UnsetType = msgspec.UNSET
    data_age_seconds: (
        Annotated[
            int, Meta(description="Since the newest event of the airport was known, where there is any.")
        ]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    status: (
        Annotated[
            Literal["overdue", "left", "arrived", "cancelled"],
            Meta(
                description="What events tell of the flight; then all numbers are those of a flight so known."
            ),
        ]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    missing: (
        Annotated[list[str], Meta(description="The fields that were not given, where any was not.")]
        | msgspec.UnsetType
    ) = msgspec.UNSET


class ModelName(msgspec.Struct, frozen=True):
    """The bundle that answered."""

    version: str
    trained_until: str
    threshold_rule: Annotated[str, Meta(description="What the threshold of the label `late` was chosen by.")]


class PredictAnswer(msgspec.Struct, frozen=True):
    """The predictions, in the order of the flights asked about."""

    model: ModelName
    predictions: list[PredictedFlight]
