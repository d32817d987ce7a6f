"""The prediction of a flight and of an airport's day: strings of digits, as the vendor wrote them."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta

from puntual.api.amadeus.airport_days import OnTime
from puntual.api.predict.contract import PredictedFlight, Support

_UNITS = 10**8
Digits = Annotated[str, Meta(examples=["0.13336977"])]


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """A result and its probability."""

    id: Annotated[str, Meta(examples=["TK1816NCEIST20200801"])]
    probability: Digits
    result: Annotated[str, Meta(examples=["LESS_THAN_30_MINUTES"])]
    subType: str  # noqa: N815
    type: str = "prediction"


class Links(msgspec.Struct, frozen=True):
    """The URL that was requested."""

    self: str


class FlightMeta(msgspec.Struct, frozen=True):
    """How many results there are, and the flights of the last sixty days behind them (the client reads neither)."""

    count: int
    links: Links
    support: Support


class FlightDelay(msgspec.Struct, frozen=True):
    """The probabilities of four ranges of delay, which sum to 1."""

    data: list[Prediction]
    meta: FlightMeta


class DaySupport(msgspec.Struct, frozen=True):
    """What an airport's day is predicted from.

    The departures that are expected, whether they are those given or those of a usual week, the past days behind the
    usual share (0: those of all airports together) and that share.
    """

    departures: float
    timetable: str
    days: int
    usual: Digits


class DayMeta(msgspec.Struct, frozen=True):
    """What stands behind the result (the client does not read it)."""

    links: Links
    support: DaySupport


class AirportOnTime(msgspec.Struct, frozen=True):
    """`result` is the share of departures on time, `probability` the chance that it beats the airport's usual one."""

    data: Prediction
    meta: DayMeta


def flight_delay(name: str, prediction: PredictedFlight, link: str) -> FlightDelay:
    """Read the four ranges from the five bands of a flight."""
    bands = prediction.bands
    probabilities = {
        "LESS_THAN_30_MINUTES": bands.up_to_15 + bands.from_15,
        "BETWEEN_30_AND_60_MINUTES": bands.from_30,
        "BETWEEN_60_AND_120_MINUTES": bands.from_60,
        "OVER_120_MINUTES_OR_CANCELLED": bands.from_120,
    }
    data = [
        Prediction(id=name, probability=digits, result=result, subType="flight-delay")
        for result, digits in zip(probabilities, in_digits(list(probabilities.values())), strict=True)
    ]
    return FlightDelay(data, FlightMeta(len(data), Links(link), prediction.support))


def airport_on_time(airport: str, day: date, expected: OnTime, link: str) -> AirportOnTime:
    """Tell the share of an airport's departures on time on a day."""
    data = Prediction(
        id=f"{airport}{day:%Y%m%d}",
        probability=f"{expected.beats_usual:.8f}",
        result=f"{expected.share:.8f}",
        subType="on-time",
    )
    timetable = "known" if expected.known else "typical"
    support = DaySupport(expected.departures, timetable, expected.usual.days, f"{expected.usual.share:.8f}")
    return AirportOnTime(data, DayMeta(Links(link), support))


def in_digits(probabilities: Sequence[float]) -> list[str]:
    """Write probabilities with eight digits that sum to 1 exactly, by largest remainders.

    >>> in_digits([1 / 3, 1 / 3, 1 / 3])
    ['0.33333334', '0.33333333', '0.33333333']
    """
    total = sum(probabilities)
    units = [probability / total * _UNITS for probability in probabilities]
    whole = [int(unit) for unit in units]
    by_remainder = sorted(range(len(units)), key=lambda place: whole[place] - units[place])
    for place in by_remainder[: _UNITS - sum(whole)]:
        whole[place] += 1
    return [f"{unit // _UNITS}.{unit % _UNITS:08d}" for unit in whole]
