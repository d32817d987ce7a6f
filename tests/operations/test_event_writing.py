"""An event of a table is sent as it is kept."""

from datetime import UTC, datetime

import pytest

from operations.events_made import NOW, event
from puntual.operations.event_reading import read_event
from puntual.operations.event_writing import as_sent
from puntual.operations.table_events import events_of_table, period_of
from puntual.sources import read_flights


def test_every_event_of_a_table_is_read_again_as_it_was() -> None:
    # The clocks of New York go back on the 3rd.
    flights, weather = period_of(read_flights("nyc"), datetime(2013, 11, 2), datetime(2013, 11, 5))
    events = list(events_of_table(flights, weather).events)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    sent = [as_sent(one) for one in events]
    assert [None if one is None else read_event(one, now) for one in sent] == events


@pytest.mark.parametrize(
    "news", [event("expected", "04:18", expected_departure="05:40"), event("tail", "03:18", tail="N1")]
)
def test_revised_times_and_tails_are_read_again_as_they_were(news) -> None:
    sent = as_sent(news)
    assert sent is not None and read_event(sent, NOW) == news


def test_what_would_be_refused_is_not_sent() -> None:
    left = event("left", "05:18", at="05:17")
    assert as_sent(left._replace(airline="")) is None
    assert as_sent(left._replace(destination="EWR")) is None
    assert as_sent(left._replace(kind="weather", observation="{}")) is None
