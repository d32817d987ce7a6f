"""The weather last observed at the origin, and how it has changed: known when observed, and old after a while."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from puntual.features.flight_keys import Category, category
from puntual.features.moments import EventLine, line_of
from puntual.features.spec import Feature, Group, Known
from puntual.flights.operations import MEASURES, Minutes, Observations

# An observation says nothing of now when it is older, and its change is that over about so long.
OLDEST = 3 * 60
CHANGE_OVER = 3 * 60
FEATURES = (
    *(
        Feature(
            f"weather_{measure}", Group.WEATHER, Known.LIVE, f"{measure.replace('_', ' ')} last observed", 4
        )
        for measure in MEASURES
    ),
    *(
        Feature(
            f"weather_{measure}_change",
            Group.WEATHER,
            Known.LIVE,
            f"change of the {measure.replace('_', ' ')} over three hours",
            4,
        )
        for measure in MEASURES
    ),
)


@dataclass(frozen=True, slots=True)
class WeatherLine:
    """Observations on one line of (airport, minute); `values` lie in its order, NaN before the first."""

    line: EventLine
    values: NDArray[np.float64]

    def features(self, origin: Category, cut_off: Minutes) -> NDArray[np.float64]:
        """Give the weather at n cut-offs in `FEATURES` order, shape (n, 14); NaN where none is known."""
        now = self._last(origin, cut_off)
        return np.hstack([now, now - self._last(origin, cut_off - CHANGE_OVER)])

    def _last(self, origin: Category, minute: Minutes) -> NDArray[np.float64]:
        """Give each airport's last observation until a minute, shape (n, measures)."""
        seen = self.line.until(origin.ids, minute)[:, 0]
        recent = self.line.between(origin.ids, minute - OLDEST, minute)[:, 0]
        # Of the observations of this airport the last one seen; those of others lie before its first.
        before = self.line.before(origin.ids)
        return self.values[np.where(recent > 0, before + seen, 0)]


def weather_of(observations: Observations) -> WeatherLine:
    """Lay observations out by airport and the minute at which each was known."""
    airport = category(observations.airport)
    one = np.ones((len(airport), 1), np.int64)
    line = line_of(airport.ids, observations.known, one)
    order = np.lexsort([observations.known, airport.ids])
    nothing = np.full((1, observations.values.shape[1]), np.nan)
    return WeatherLine(line, np.concatenate([nothing, observations.values[order]]))
