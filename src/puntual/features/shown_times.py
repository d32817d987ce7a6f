"""Which departures the clocks at their origin skip, and which they show twice."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

import numpy as np

from puntual.features.flight_keys import Keys
from puntual.sources.times import ShownTimes, shown_times

_DAY = 24 * 60


def shown_departures(keys: Keys, zone_of: Callable[[str], str]) -> ShownTimes:
    """Look n departures up on the clocks of their origins.

    `zone_of` gives the time zone of an airport, empty where it is not known; of a flight from there, or without a date,
    nothing is told.
    """
    zones = [zone_of(code) for code in keys.origin.values]
    names = sorted({zone for zone in zones if zone})
    places = np.array([names.index(zone) if zone else -1 for zone in zones], np.intp)[keys.origin.positions]
    if keys.unknown is not None:
        places[keys.unknown.scheduled_departure] = -1
    minutes = keys.day * _DAY + keys.minute
    skipped, twice = np.zeros(len(keys), bool), np.zeros(len(keys), bool)
    order = places.argsort(kind="stable")
    bounds = places[order].searchsorted(np.arange(len(names) + 1))
    for name, begin, end in zip(names, bounds, bounds[1:], strict=False):
        here = order[begin:end]
        skipped[here], twice[here] = shown_times(minutes[here], ZoneInfo(name))
    return ShownTimes(skipped, twice)
