"""What a board knows of flights that are asked about: how their day unfolds, and that they left or are overdue."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from puntual.api.predict.contract import Bands, PredictedFlight, Quantiles
from puntual.api.predict.flight_resolution import Moments, cut_off, keys_of
from puntual.api.predict.resolved_flight import ResolvedFlight
from puntual.features.flight_keys import EPOCH, Keys
from puntual.features.live_vector import LIVE_COLUMNS
from puntual.features.states import FARTHEST_LIVE
from puntual.features.vector import Matrix
from puntual.flights.flight import LateRule, Target
from puntual.operations.board import Board, FlightState
from puntual.operations.event import FlightKey
from puntual.operations.live_operations import LiveOperations
from puntual.operations.operations_layout import FlightsAtCutOffs
from puntual.prediction.conditional import Outlook, Overdue, given_cancelled, given_delay
from puntual.prediction.predictor import Predictor

# An airport's day ends when its last flights of the evening have left.
_DAY_BEGINS = timedelta(hours=4)
_MINUTE = timedelta(minutes=1)
_EPOCH = EPOCH.replace(tzinfo=UTC)
_FARTHEST = FARTHEST_LIVE * _MINUTE


class KnownNow:
    """What a board tells a predictor before it answers, and adds to its answers."""

    def __init__(self, board: Board, max_age: timedelta) -> None:
        """Trust a board whose newest event of an airport is at most so old."""
        self._board, self._max_age = board, max_age
        self._operations = LiveOperations(board)
        # Empty as long as there is nothing to add.
        self.airports = board.airports

    def know(self, timetable: Keys, rule: LateRule, unlisted: Mapping[str, str]) -> None:
        """Take another timetable, or another model with what it calls late and the airports that it alone knows."""
        self._operations.know(timetable, rule, unlisted)

    def moments(self, flights: Sequence[ResolvedFlight], as_of: str | None, now: datetime) -> list[datetime]:
        """Give the moments that n flights are looked at, in UTC; raise ProblemError for an `as_of` that is no time."""
        return [now if as_of is None else cut_off(as_of, flight.zone).instant for flight in flights]

    def live_columns(
        self, flights: Sequence[ResolvedFlight], moments: Sequence[datetime], predictor: Predictor
    ) -> Matrix | None:
        """Give what is known of n flights as their day unfolds, shape (n, columns), NaN of those that are not live.

        A flight is live on its day, while its airport's feed is alive and it has not left; None where none is.
        """
        if not predictor.live_states:
            return None
        rows = [
            row
            for row, (flight, moment) in enumerate(zip(flights, moments, strict=True))
            if self._is_live(flight, moment)
        ]
        if not rows:
            return None
        chosen = [flights[row] for row in rows]
        columns = np.full((len(flights), len(LIVE_COLUMNS)), np.nan, np.float32)
        columns[rows] = self._operations.columns(
            _at_cut_offs(chosen, [moments[row] for row in rows]), predictor.turns
        )
        return columns

    def add_to(
        self,
        rows: Sequence[PredictedFlight],
        flights: Sequence[ResolvedFlight],
        cut_offs: Sequence[Moments],
        moments: Sequence[datetime],
        predictor: Predictor,
    ) -> tuple[list[PredictedFlight], list[Moments]]:
        """Give n predictions and their cut-offs by what was known of the flights themselves at these moments."""
        informed, moved = [], []
        overdue = Overdue(predictor.delay_shape)
        for row, flight, closed, moment in zip(rows, flights, cut_offs, moments, strict=True):
            new = self._row(row, flight, predictor, overdue, moment)
            informed.append(new)
            moved.append(_moved(closed, flight, moment) if new.status or new.state == "live" else closed)
        return informed, moved

    def _is_live(self, flight: ResolvedFlight, moment: datetime) -> bool:
        if flight.origin not in self.airports or "scheduled_departure" in flight.missing:
            return False
        age = self._board.data_age(flight.origin, moment)
        if age is None or age > self._max_age or flight.instant - moment > _FARTHEST:
            return False
        return moment < flight.instant + _MINUTE or self._is_followed(flight, moment, age)

    def _row(
        self,
        row: PredictedFlight,
        flight: ResolvedFlight,
        predictor: Predictor,
        overdue: Overdue,
        moment: datetime,
    ) -> PredictedFlight:
        age = self._board.data_age(flight.origin, moment)
        if age is None or "scheduled_departure" in flight.missing:
            return row
        known: dict[str, Any] = {"data_age_seconds": int(age.total_seconds())}
        status, outlook = self._outlook(row, flight, predictor, overdue, moment, age)
        if status:
            known["status"] = status
        if status or row.state == "live":
            known |= {"horizon_minutes": (flight.instant - moment) // _MINUTE}
        return msgspec.structs.replace(row, **known, **_fields(outlook, row.threshold))

    def _outlook(
        self,
        row: PredictedFlight,
        flight: ResolvedFlight,
        predictor: Predictor,
        overdue: Overdue,
        moment: datetime,
        age: timedelta,
    ) -> tuple[str, Outlook | None]:
        """Give what is known of a flight, and what it means for its prediction where it means anything."""
        state = self._board.state(_key(flight), moment)
        if state is not None and state.status != "scheduled":
            return state.status, _known_outlook(state, predictor)
        # Who has not left yet may still arrive in time.
        departs = predictor.target is Target.DEPARTURE
        late = (moment - flight.instant) / _MINUTE
        if late < 1 or not self._is_followed(flight, moment, age):
            return "", None
        return "overdue", overdue.outlook(_bands(row), late) if departs else None

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


def _at_cut_offs(flights: Sequence[ResolvedFlight], moments: Sequence[datetime]) -> FlightsAtCutOffs:
    keys = keys_of(flights)
    scheduled, cut_offs = (
        np.array([-((_EPOCH - instant) // _MINUTE) for instant in instants], np.int64)
        for instants in ([flight.instant for flight in flights], moments)
    )
    clock = keys.day * 24 * 60 + keys.minute
    return FlightsAtCutOffs([*map(_key, flights)], keys, scheduled, cut_offs, clock - scheduled)


def _key(flight: ResolvedFlight) -> FlightKey:
    return FlightKey(flight.airline, flight.flight_number, flight.origin, flight.scheduled_departure)


def _moved(closed: Moments, flight: ResolvedFlight, moment: datetime) -> Moments:
    """Set the cut-off of a flight of which more is known than at the end of the day before."""
    shown = moment.astimezone(flight.zone).replace(tzinfo=None).isoformat(timespec="minutes")
    return msgspec.structs.replace(closed, horizon=(flight.instant - moment) // _MINUTE, shown=shown)


def _known_outlook(state: FlightState, predictor: Predictor) -> Outlook | None:
    if state.status == "cancelled":
        return given_cancelled(predictor.delay_shape)
    # A departure settles no arrival.
    if state.left_at is None or predictor.target is Target.ARRIVAL:
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
