"""What the board knows of flights that are asked about: that they left, were cancelled, or are overdue."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from puntual.api.predict.contract import Bands, PredictedFlight, Quantiles
from puntual.api.predict.flight_resolution import Moments, ResolvedFlight, cut_off
from puntual.api.predict.response import Answered, head_of, written
from puntual.operations.board import Board, FlightState
from puntual.operations.event import FlightKey
from puntual.prediction.conditional import Outlook, given_cancelled, given_delay, given_not_left
from puntual.prediction.predictor import Predictor

# An airport's day ends when its last flights of the evening have left.
_DAY_BEGINS = timedelta(hours=4)
_MINUTE = timedelta(minutes=1)


class KnownNow:
    """Adds what a board knows to the answers of a predictor."""

    def __init__(self, board: Board, max_age: timedelta) -> None:
        """Trust a board whose newest event of an airport is at most so old."""
        self._board, self._max_age = board, max_age
        # Empty as long as there is nothing to add.
        self.airports = board.airports

    def add_to(self, answered: Answered, predictor: Predictor, as_of: str | None, now: datetime) -> Answered:
        """Give an answer with what was known of its flights at the cut-off, or now."""
        if not any(flight.origin in self._board.airports for flight in answered.flights):
            return answered
        rows, cut_offs = [], []
        for row, flight, closed in zip(
            answered.predictions, answered.flights, answered.cut_offs, strict=True
        ):
            moment = now if as_of is None else cut_off(as_of, flight.zone).instant
            new = self._row(row, flight, predictor, moment)
            rows.append(new)
            cut_offs.append(_moved(closed, flight, moment) if new.status else closed)
        body = written(head_of(predictor.bundle), rows)
        return answered._replace(body=body, predictions=rows, cut_offs=cut_offs)

    def _row(
        self, row: PredictedFlight, flight: ResolvedFlight, predictor: Predictor, moment: datetime
    ) -> PredictedFlight:
        age = self._board.data_age(flight.origin, moment)
        if age is None or "scheduled_departure" in flight.missing:
            return row
        known: dict[str, Any] = {"data_age_seconds": int(age.total_seconds())}
        status, outlook = self._outlook(row, flight, predictor, moment, age)
        if status:
            known |= {"status": status, "horizon_minutes": (flight.instant - moment) // _MINUTE}
        return msgspec.structs.replace(row, **known, **_fields(outlook, row.threshold))

    def _outlook(
        self,
        row: PredictedFlight,
        flight: ResolvedFlight,
        predictor: Predictor,
        moment: datetime,
        age: timedelta,
    ) -> tuple[str, Outlook | None]:
        """Give what is known of a flight, and what it means for its prediction where it means anything."""
        key = FlightKey(flight.airline, flight.flight_number, flight.origin, flight.scheduled_departure)
        state = self._board.state(key, moment)
        if state is not None and state.status != "scheduled":
            return state.status, _known_outlook(state, predictor)
        late = (moment - flight.instant) / _MINUTE
        if late < 1 or not self._is_followed(flight, moment, age):
            return "", None
        bands = _bands(row)
        return "overdue", given_not_left(bands, late, predictor.delay_shape)

    def _is_followed(self, flight: ResolvedFlight, moment: datetime, age: timedelta) -> bool:
        """Tell whether the board would know that a flight has left: the feed is fresh, and was there when it was due.

        Only within the operating day of a flight, since nobody tells for ever that it never left.
        """
        day, today = (
            (instant.astimezone(flight.zone) - _DAY_BEGINS).date() for instant in (flight.instant, moment)
        )
        return (
            age <= self._max_age and day == today and self._board.knows_since(flight.origin, flight.instant)
        )


def _moved(closed: Moments, flight: ResolvedFlight, moment: datetime) -> Moments:
    """Set the cut-off of a flight of which more is known than at the end of the day before."""
    shown = moment.astimezone(flight.zone).replace(tzinfo=None).isoformat(timespec="minutes")
    return msgspec.structs.replace(closed, horizon=(flight.instant - moment) // _MINUTE, shown=shown)


def _known_outlook(state: FlightState, predictor: Predictor) -> Outlook | None:
    if state.status == "cancelled":
        return given_cancelled(predictor.delay_shape)
    if state.left_at is None:
        return None
    return given_delay((state.left_at - state.departs) / _MINUTE, predictor.bundle.manifest.late_rule)


def _bands(row: PredictedFlight) -> NDArray[np.float64]:
    return np.array(msgspec.structs.astuple(row.bands))


def _fields(outlook: Outlook | None, threshold: float) -> dict[str, Any]:
    if outlook is None:
        return {}
    late = outlook.late_probability
    bands: Sequence[float] = outlook.bands.tolist()
    return {
        "late_probability": late,
        "late": late >= threshold,
        "bands": Bands(*bands),
        "expected_delay_minutes": outlook.expected_minutes,
        "delay_quantiles": Quantiles(*outlook.quantiles.tolist()),
    }
