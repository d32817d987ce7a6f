"""The reader of large tables and that of small ones take the same times, to the minute, and refuse the same."""

from datetime import datetime

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from puntual.flights.flight import EARLIEST, LATEST
from puntual.sources.parsing import read_moments
from puntual.sources.raw_table import raw_table
from puntual.sources.times import FORMS, parse_time


def read_by_polars(texts: list[str]) -> list[datetime | None]:
    raw = raw_table("f", pl.DataFrame({"at": texts}))
    moments: list[datetime | None] = read_moments(raw, "at").to_list()
    return moments


def parsed_one_by_one(texts: list[str]) -> list[datetime | None]:
    moments = [parse_time(text) for text in texts]
    return [
        moment if moment and moment.tzinfo is None and EARLIEST <= moment <= LATEST else None
        for moment in moments
    ]


digits = st.integers(0, 99).map(str) | st.integers(0, 99).map("{:02}".format)
dates = st.dates().map(str) | st.builds("{}-{}-{}".format, st.integers(1899, 2101), digits, digits)
clocks = st.times().map(str) | st.builds("{}:{}".format, digits, digits)
seconds = st.just("") | st.builds(":{}".format, digits) | st.builds(":{}.{}".format, digits, st.integers(0))
offsets = st.sampled_from(["", "", "", "Z", "+00:00", "-0300", " UTC"])
built = st.builds(
    "{}{}{}{}{}".format, dates, st.sampled_from(["T", " ", "t", "  "]), clocks, seconds, offsets
)
by_form = st.builds(
    lambda moment, form: moment.strftime(form.replace("%.f", "")), st.datetimes(), st.sampled_from([*FORMS])
)
written = built | by_form | st.from_regex("|".join(FORMS.values()), fullmatch=True)
damaged = st.builds(
    lambda text, place, noise: text[:place] + noise + text[place:],
    written,
    st.integers(0, 25),
    st.text("0123456789-:.T+Z ٣", max_size=2),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(written | damaged, min_size=1, max_size=12).filter(lambda texts: any(map(str.strip, texts))))
@example(["2017-1-3 9:05", "20170103T0905", "2017-01-03T23:59:60", "2017-01-03 24:00", "2017-W01-1T10:00"])
@example(
    [
        "2017-01-03T09:05:01.1234567",
        "+2017-01-03T09:05",
        "2017-01-03T9",
        "0000-01-03T09:05",
        "12017-01-03 09:05",
    ]
)
def test_both_readers_read_the_same_texts_to_the_same_moments(texts: list[str]) -> None:
    stripped = [text.strip() for text in texts]
    assert read_by_polars(stripped) == parsed_one_by_one(stripped)


@pytest.mark.parametrize(
    "text",
    [
        "2017-01-03T09:05",
        "2017-1-3 9:05",
        "2017-01-03 09:05:00.0",
        "20170103T0905",
        "20170103T090500",
        "2017-1-3T9:5",
    ],
)
def test_each_form_is_read_by_both(text: str) -> None:
    assert read_by_polars([text]) == [parse_time(text)] == [datetime(2017, 1, 3, 9, 5)]


@pytest.mark.parametrize(
    "text", ["2017-01-03", "2017-01-03T09", "2017-01-03T24:00", "2017-W01-2T09:05", "2017-01-03t09:05"]
)
def test_what_says_no_minute_or_is_another_form_is_read_by_neither(text: str) -> None:
    assert read_by_polars([text]) == [parse_time(text)] == [None]
