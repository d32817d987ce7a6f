"""However a feed cuts up, repeats and turns round its events: the journal and every board end up the same."""

import tempfile
from datetime import timedelta
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from operations.events_made import NOW, raw
from operations.test_board import EVENTS, content
from puntual.operations.event import KnownEvent, with_content_key
from puntual.operations.event_feed import EventFeed
from puntual.operations.event_reading import read_events

WEATHER = st.builds(
    lambda hour, degrees: read_events(
        [
            raw(
                {
                    "kind": "weather",
                    "airport": "EWR",
                    "at": f"2013-10-03T{hour:02}:51",
                    "temperature": degrees,
                }
            )
        ],
        NOW,
    ).events[0],
    st.integers(0, 9),
    st.integers(40, 42),
)
# On other days too, so that some of them are older than what a board holds.
NEWS = st.builds(
    lambda event, days: with_content_key(
        event._replace(at=event.at + timedelta(days=days), known_at=event.known_at + timedelta(days=days))
    ),
    st.one_of(EVENTS, WEATHER),
    st.integers(0, 5),
)


def batches(data: st.DataObject, events: list[KnownEvent]) -> list[list[KnownEvent]]:
    """Some events again, all in any order, cut up into batches anyhow."""
    again = data.draw(st.lists(st.sampled_from(events), max_size=5))
    left = data.draw(st.permutations(events + again))
    cut = []
    while left:
        size = data.draw(st.integers(1, len(left)))
        cut.append(list(left[:size]))
        left = left[size:]
    return cut


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_feed_in_any_order_and_again_leaves_the_same_journal_and_the_same_board(
    data: st.DataObject,
) -> None:
    events = data.draw(st.lists(NEWS, min_size=1, max_size=10))
    with tempfile.TemporaryDirectory() as folder:
        one, other = (EventFeed(Path(folder) / f"{name}.db") for name in ("one", "other"))
        applied = [
            sum(feed.append(batch, NOW, "tower") for batch in batches(data, events)) for feed in (one, other)
        ]
        assert applied == [len(set(events))] * 2
        assert content(one.board) == content(other.board)
        # Started again, and beside another that follows, it is the same once more.
        again, following = EventFeed(Path(folder) / "one.db"), EventFeed(Path(folder) / "other.db")
        again.rebuild()
        following.read_new()
        assert content(again.board) == content(following.board) == content(one.board)
        for feed in (one, other, again, following):
            feed.close()


@given(st.lists(NEWS, min_size=1, max_size=10))
def test_the_key_of_an_event_is_that_of_its_content(events: list[KnownEvent]) -> None:
    assert len({event.content_key for event in events}) == len(set(events))
    sent = [msgspec.json.decode(msgspec.json.encode(event), type=KnownEvent) for event in events]
    assert [with_content_key(event).content_key for event in sent] == [event.content_key for event in events]
