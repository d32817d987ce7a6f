"""What is known as the day unfolds, in one order: the columns that a vector gains when it is live."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from puntual.features import live, revised, rotation, weather
from puntual.features.flight_keys import Ids
from puntual.features.live import Traffic
from puntual.features.moments import DAY_BEGINS, MINUTES_A_DAY, CutOffs
from puntual.features.revised import Revisions
from puntual.features.rotation import Legs, Turns
from puntual.features.spec import Feature, Group
from puntual.features.spec import Known as When
from puntual.features.vector import COLUMNS, Matrix
from puntual.features.weather import WeatherLine

HORIZON = (
    Feature("horizon", Group.TIME_OF_DAY, When.LIVE, "minutes from the cut-off to the schedule", 0),
    Feature("day_so_far", Group.TIME_OF_DAY, When.LIVE, "minutes of the operating day at the cut-off", 0),
)
LIVE_FEATURES = (*HORIZON, *live.FEATURES, *rotation.FEATURES, *weather.FEATURES, *revised.FEATURES)
LIVE_COLUMNS = tuple(feature.name for feature in LIVE_FEATURES)
# A live vector is the one of the day before with these behind it.
ALL_COLUMNS = (*COLUMNS, *LIVE_COLUMNS)
# The groups of features that a flight gains as its day unfolds, and where it says how far ahead it is looked at.
GROUPS_NOW = (Group.AIRPORT_NOW, Group.AIRLINE_NOW, Group.PREVIOUS_LEG, Group.WEATHER, Group.REVISED)
HORIZON_COLUMNS = np.arange(len(COLUMNS), len(COLUMNS) + len(HORIZON))
_SCALES = 2.0 ** np.array([feature.bits for feature in LIVE_FEATURES])


@dataclass(frozen=True, slots=True)
class DayKnowledge:
    """What was known of some airports at any moment; what is None there is nothing of."""

    traffic: Traffic
    turns: Turns
    weather: WeatherLine | None = None
    revisions: Revisions | None = None


def live_columns(moments: CutOffs, legs: Legs | None, flight: Ids, known: DayKnowledge) -> Matrix:
    """Give what is known of n flights at their cut-offs in `LIVE_COLUMNS` order, float32 of shape (n, columns).

    `legs` are the flights' previous ones, and `flight` their ids among the revisions. Training calls this for all
    flights at once, and the service for those of a board, with what the board holds.
    """
    n = len(moments)
    local = moments.cut_off + moments.offset - DAY_BEGINS
    blocks = [
        np.column_stack([moments.scheduled - moments.cut_off, local % MINUTES_A_DAY]),
        known.traffic.features(moments),
        legs.features(moments.scheduled, moments.cut_off, known.turns)
        if legs
        else _nothing(n, rotation.FEATURES),
        known.weather.features(moments.keys.origin, moments.cut_off)
        if known.weather
        else _nothing(n, weather.FEATURES),
        known.revisions.features(flight, moments.scheduled, moments.cut_off)
        if known.revisions
        else _nothing(n, revised.FEATURES),
    ]
    return (np.rint(np.hstack(blocks) * _SCALES) / _SCALES).astype(np.float32)


def _nothing(flights: int, features: tuple[Feature, ...]) -> NDArray[np.float64]:
    return np.full((flights, len(features)), np.nan)
