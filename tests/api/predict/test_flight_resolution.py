"""A flight is read in one way, whether its words are the plain ones of most requests or others that mean the same."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from puntual.api.predict import flight_resolution
from puntual.api.predict.contract import ScheduledFlight
from puntual.api.predict.flight_resolution import moments_of, resolve
from puntual.api.predict.resolved_flight import ResolvedFlight
from puntual.api.problems import ProblemError

NOW = datetime(2026, 11, 27, 16, 40, 30, 5, UTC)
# The clocks of these change, at midnight too, or stand half an hour from others.
ORIGINS = ("SCL", "JFK", "LHR", "LDH", "BEY", "DEL", "ASU")
MINUTES = st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 31, 23, 59)).map(
    lambda moment: moment.replace(second=0, microsecond=0)
)


def closely(flight: ScheduledFlight) -> ResolvedFlight | str:
    """Resolve a flight by the way that looks at all words, or say why it is refused."""
    try:
        return flight_resolution._resolve_or_refuse(flight, "#/flights/0", {})
    except ProblemError as problem:
        return str(problem.details.errors)


def quickly(flight: ScheduledFlight) -> ResolvedFlight | str:
    try:
        return resolve([flight])[0]
    except ProblemError as problem:
        return str(problem.details.errors)


@given(
    st.sampled_from(ORIGINS),
    MINUTES,
    st.sampled_from(["", ":00"]),
    st.sampled_from([None, "LA", "b6", "é"]),
    st.sampled_from([None, "226", "0226", "226a", "LA226", "0"]),
)
def test_the_short_way_and_the_long_one_resolve_a_flight_alike(origin, departure, seconds, airline, number):
    written = departure.isoformat(timespec="minutes") + seconds
    flight = ScheduledFlight(origin, "MIA", written, airline=airline, flight_number=number)
    assert repr(quickly(flight)) == repr(closely(flight))


@pytest.mark.parametrize(
    "written",
    [
        *("1989-12-31T10:00", "2100-01-01T10:00", "2017-02-30T10:00", "2017-10-03T24:00", "2017-10-03 10:00"),
        *(
            "2017-10-03T10:00Z",
            "2017-10-03T10:00:30",
            "2017-10-3T10:00",
            "２017-10-03T10:00",
            "2017-10-03T1０:00",
        ),
    ],
)
def test_what_is_not_plain_is_looked_at_closely(written):
    flight = ScheduledFlight("SCL", "MIA", written)
    assert repr(quickly(flight)) == repr(closely(flight))


@given(
    st.sampled_from(ORIGINS),
    MINUTES,
    st.sampled_from(["", ":00", ":30", ":59.999999"]),
    st.one_of(st.none(), st.tuples(MINUTES, st.sampled_from(["", ":00", ":30", "Z", "+05:30"]))),
)
def test_a_cut_off_is_so_many_whole_minutes_before_its_flight(origin, departure, seconds, as_of):
    flight = quickly(ScheduledFlight(origin, "MIA", departure.isoformat(timespec="minutes") + seconds))
    if isinstance(flight, str):
        # A time that the clocks skip.
        return
    written = None if as_of is None else as_of[0].isoformat(timespec="minutes") + as_of[1]
    try:
        found = moments_of([flight], written, NOW)[0]
        cut = NOW if written is None else flight_resolution.cut_off(written, flight.zone).instant
    except ProblemError:
        return
    if written is None and flight.instant <= NOW:
        midnight = datetime.fromordinal(flight.day + datetime(1970, 1, 1).toordinal())
        cut = midnight.replace(tzinfo=flight.zone).astimezone(UTC)
    assert found.horizon == (flight.instant - cut) // timedelta(minutes=1)
    at = (flight.instant - found.horizon * timedelta(minutes=1)).astimezone(flight.zone)
    assert found.shown == at.replace(tzinfo=None).isoformat(timespec="minutes")
    day = min(flight.day, cut.astimezone(flight.zone).toordinal() - datetime(1970, 1, 1).toordinal())
    assert found.closed == day


def test_a_day_on_which_clocks_change_is_none_that_is_even():
    santiago = ZoneInfo("America/Santiago")
    assert flight_resolution._even_day("2017-08-13T", santiago) is None
    assert flight_resolution._even_day("2017-08-12T", santiago) is None
    assert flight_resolution._even_day("2017-08-11T", santiago) is not None
