"""The warning for flights at a time that the clocks show twice, where no offset can have said which is meant."""

from collections.abc import Mapping
from functools import partial

from msgspec.structs import replace

from puntual.features.flight_keys import Keys
from puntual.features.shown_times import shown_departures
from puntual.flights import airports
from puntual.prediction.predictions import Predictions
from puntual.prediction.warnings import BITS


def warn_of_twice(predictions: Predictions, keys: Keys, unlisted: Mapping[str, str]) -> Predictions:
    """Warn of those of n flights; `unlisted` are airports that nobody lists, with their time zones."""
    twice = shown_departures(keys, partial(airports.zone_of, unlisted=unlisted)).twice
    return replace(predictions, warnings=predictions.warnings | twice * BITS["time_occurs_twice"])
