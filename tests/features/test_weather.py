"""The weather last observed at the origin."""

import numpy as np

from puntual.features.flight_keys import category
from puntual.features.weather import FEATURES, weather_of
from puntual.flights.operations import MEASURES, Observations

NAMES = [feature.name for feature in FEATURES]
NOON = 23_000_000
WEATHER = weather_of(
    Observations(
        np.array(["JFK", "EWR", "JFK", "JFK"]),
        np.array([NOON, NOON - 10, NOON - 180, NOON + 60]),
        np.array([[20.0, 1], [5.0, 2], [12.0, 3], [30.0, 4]]).repeat([1, len(MEASURES) - 1], axis=1),
    )
)


def observed(minute: int, airport: str = "JFK") -> dict[str, float]:
    (values,) = WEATHER.features(category(np.array([airport])), np.array([minute])).tolist()
    return dict(zip(NAMES, values, strict=True))


def test_the_last_observation_counts_from_the_minute_that_it_is_known():
    assert [observed(NOON + wait)["weather_temperature"] for wait in (-1, 0, 59, 60)] == [12, 20, 20, 30]


def test_the_change_is_that_over_three_hours():
    assert observed(NOON)["weather_temperature_change"] == 8


def test_an_observation_of_another_airport_is_not_taken():
    assert observed(NOON, "EWR")["weather_temperature"] == 5
    assert np.isnan(observed(NOON - 11, "EWR")["weather_temperature"])
    assert np.isnan(observed(NOON, "LGA")["weather_temperature"])


def test_an_old_observation_says_nothing_of_now():
    assert observed(NOON + 239)["weather_temperature"] == 30
    assert np.isnan(observed(NOON + 240)["weather_temperature"])
