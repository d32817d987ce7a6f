"""Landings by the clocks of airports: how late flights arrived, and on which day at their origin that became known."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from puntual.flights import airports

# The clocks of no airport change but at a half hour of UTC.
_HALF_HOUR = 30 * 60
# A landing so long before or after its schedule must be of another flight, or wrong, as a table's would be.
_EARLIEST, _LATEST = -24 * 60 * 60, 7 * 24 * 60 * 60


def arrival_delays(
    landed: NDArray[np.int64], due: NDArray[np.int64], destination: NDArray[np.str_]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Give by how many seconds flights landed late, and which of these can be true; all of shape (n,).

    `landed` are seconds since 1970 in UTC, `due` those on the clocks of the destination. Nobody knows the clocks of an
    airport that is not listed.
    """
    ahead = _seconds_ahead(landed, destination)
    delays = landed + np.nan_to_num(ahead).astype(np.int64) - due
    return delays, np.isfinite(ahead) & (delays >= _EARLIEST) & (delays <= _LATEST)


def on_clocks_of(
    airport: NDArray[np.str_], moments: NDArray[np.int64], otherwise: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Say what the clocks of airports show at moments (seconds since 1970, UTC), all of shape (n,).

    `otherwise` is by how many seconds they are ahead of UTC where nobody lists the airport.
    """
    ahead = _seconds_ahead(moments, airport)
    return moments + np.where(np.isfinite(ahead), ahead, otherwise).astype(np.int64)


def _seconds_ahead(moments: NDArray[np.int64], codes: NDArray[np.str_]) -> NDArray[np.float64]:
    """Give how far clocks are ahead of UTC at moments, NaN where nobody lists the airport.

    A half hour is looked up once.
    """
    airport, place = np.unique(codes, return_inverse=True)
    half_hours, when = np.unique(moments // _HALF_HOUR, return_inverse=True)
    pairs, back = np.unique(place * len(half_hours) + when, return_inverse=True)
    listed = map(airports.look_up, airport.tolist())
    zones = [None if one is None else ZoneInfo(one.time_zone) for one in listed]
    ahead = [
        _ahead(zones[pair // len(half_hours)], int(half_hours[pair % len(half_hours)]))
        for pair in pairs.tolist()
    ]
    return np.array(ahead, np.float64)[back]


def _ahead(zone: ZoneInfo | None, half_hour: int) -> float:
    if zone is None:
        return np.nan
    offset = datetime.fromtimestamp(half_hour * _HALF_HOUR, UTC).astimezone(zone).utcoffset()
    return np.nan if offset is None else offset.total_seconds()
