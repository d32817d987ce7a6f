"""An event is read whole, or refused with its field, whatever came before it."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.events_made import NOW, event, raw, refusal, sent
from puntual.operations.event_reading import read_events


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_departure_is_local_to_the_origin() -> None:
    left = event("left", "05:18", at="05:17")
    assert (left.airport, left.destination, left.scheduled_departure) == ("EWR", "IAH", "2013-10-03T05:15")
    assert (left.departs, left.at, left.known_at) == (
        utc("2013-10-03T09:15"),
        utc("2013-10-03T09:17"),
        utc("2013-10-03T09:18"),
    )


def test_an_arrival_is_local_to_the_destination() -> None:
    arrived = event("arrived", "08:20", at="08:10", scheduled_arrival="2013-10-03T08:19")
    assert (arrived.at, arrived.scheduled_arrival) == (utc("2013-10-03T13:10"), "2013-10-03T08:19")


def test_an_offset_says_it_itself() -> None:
    assert event("left", "05:18", at="09:17+00:00") == event("left", "05:18", at="05:17")


def test_codes_are_one_however_they_are_written() -> None:
    written = event("left", "05:18", at="05:17", origin="kewr", destination="KIAH", airline="ua")
    assert written == event("left", "05:18", at="05:17")


def test_the_content_alone_makes_the_key() -> None:
    keys = {
        event("left", "05:18", at="05:17").content_key,
        event("left", "05:19", at="05:17").content_key,
        event("left", "05:18", at="05:16").content_key,
        event("left", "05:18", at="05:17", flight_number="1546").content_key,
        event("tail", "05:18", tail="N1").content_key,
        event("tail", "05:18", tail="N2").content_key,
    }
    assert len(keys) == 6


def test_weather_is_known_when_it_is_observed() -> None:
    observed = {
        "kind": "weather",
        "airport": "EWR",
        "at": "2013-10-03T05:51",
        "temperature": 66.2,
        "visibility": 10,
    }
    read = read_events([raw(observed)], NOW)
    assert read.refused == []
    (weather,) = read.events
    assert (weather.airport, weather.known_at, weather.departs) == ("EWR", utc("2013-10-03T09:51"), None)
    assert json.loads(weather.observation or "") == {"temperature": 66.2, "visibility": 10}


def test_a_destination_that_nobody_lists_keeps_its_flight() -> None:
    assert event("left", "05:18", at="05:17", destination="QQQQ").destination == "QQQQ"


LEFT = sent("left", "05:18", at="05:17")
WEATHER = {"kind": "weather", "airport": "EWR", "at": "2013-10-03T05:51", "temperature": 60}
REFUSED: list[tuple[str, Any, str, str]] = [
    ("no object", 7, "malformed", ""),
    ("no kind", {name: LEFT[name] for name in LEFT if name != "kind"}, "malformed", ""),
    ("another kind", LEFT | {"kind": "boarded"}, "malformed", "kind"),
    ("a field too many", LEFT | {"gate": "A1"}, "malformed", ""),
    ("no known_at", {name: LEFT[name] for name in LEFT if name != "known_at"}, "malformed", ""),
    ("no at", {name: LEFT[name] for name in LEFT if name != "at"}, "malformed", ""),
    ("a number for a text", LEFT | {"flight_number": 1545}, "malformed", "flight_number"),
    ("a long airline", LEFT | {"airline": "U" * 9}, "malformed", "airline"),
    ("a NUL", LEFT | {"airline": "U\0"}, "malformed", "airline"),
    ("no airport", LEFT | {"origin": "Newark"}, "meaningless", "origin"),
    ("an unlisted origin", LEFT | {"origin": "QQQQ"}, "meaningless", "origin"),
    ("a destination that is none", LEFT | {"destination": "12"}, "meaningless", "destination"),
    ("a day alone", LEFT | {"scheduled_departure": "2013-10-03"}, "meaningless", "scheduled_departure"),
    ("no day", LEFT | {"at": "2013-02-30T05:17"}, "meaningless", "at"),
    ("the year 9999", LEFT | {"scheduled_departure": "9999-12-31T23:59"}, "meaningless", "scheduled_departure"),
    ("the year 1", LEFT | {"known_at": "0001-01-01T00:00+14:00"}, "meaningless", "known_at"),
    ("to where it comes from", LEFT | {"destination": "KEWR"}, "contradictory", "destination"),
    ("known before it happened", sent("left", "05:10", at="05:17"), "contradictory", "known_at"),
    ("a week late", LEFT | {"scheduled_departure": "2013-09-25T05:15"}, "contradictory", "at"),
    ("a day early", LEFT | {"scheduled_departure": "2013-10-05T05:15"}, "contradictory", "at"),
    (
        "expected in a month",
        sent("expected", "05:00", expected_departure="05:40") | {"expected_departure": "2013-11-03T05:40"},
        "contradictory",
        "expected_departure",
    ),
    ("of the future", LEFT | {"known_at": "2013-10-03T12:03"}, "future", "known_at"),
    ("weather of the future", WEATHER | {"at": "2013-10-03T13:51"}, "future", "at"),
    ("weather that says nothing", {"kind": "weather", "airport": "EWR", "at": WEATHER["at"]}, "meaningless", ""),
    ("weather of nowhere", WEATHER | {"airport": "QQQ"}, "meaningless", "airport"),
    ("a wind of less than none", WEATHER | {"wind_speed": -1}, "malformed", "wind_speed"),
    (
        "an arrival where no clock is known",
        sent("arrived", "08:20", at="08:10", destination="QQQQ"),
        "meaningless",
        "known_at",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "reason", "field"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED]
)
def test_what_cannot_be_kept_is_refused_with_its_reason_and_field(
    given: Any, reason: str, field: str
) -> None:
    refused = refusal(given)
    assert (refused.reason, refused.pointer) == (reason, "#/events/0" + (f"/{field}" if field else ""))
    assert refused.expected


def test_one_bad_event_takes_no_other_with_it() -> None:
    read = read_events(
        [raw(LEFT), raw(7), raw(LEFT | {"flight_number": "2"}), raw(LEFT | {"origin": "x"})], NOW
    )
    assert [one.flight_number for one in read.events] == ["1545", "2"]
    assert [one.index for one in read.refused] == [1, 3]


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda one: st.lists(one) | st.dictionaries(st.sampled_from(sorted(LEFT)) | st.text(), one),
    )
)
def test_whatever_is_sent_is_read_or_refused(given: Any) -> None:
    merged = LEFT | given if isinstance(given, dict) else given
    read = read_events(
        [msgspec.Raw(msgspec.json.encode(merged)), msgspec.Raw(json.dumps(given).encode())], NOW
    )
    assert len(read.events) + len(read.refused) == 2
