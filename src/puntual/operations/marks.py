"""What people do about a flight: they acknowledge it, hand it over, let go of it, and leave notes."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, NamedTuple

from puntual.operations.event import FlightKey

MarkKind = Literal["acknowledged", "handed_over", "released", "note"]
LONGEST_NOTE = 500


class Mark(NamedTuple):
    """One thing that somebody did about a flight; `received` is in UTC, `note` is empty for all but notes."""

    received: datetime
    key_name: str
    kind: MarkKind
    flight: FlightKey
    note: str = ""


class Watch(NamedTuple):
    """Who has a flight in hand since when, who handed it over, and the notes about it."""

    holder: str | None = None
    open_since: datetime | None = None
    handed_over_by: str | None = None
    notes: tuple[Mark, ...] = ()


def watch_of(marks: Iterable[Mark]) -> Watch:
    """Read marks in the order in which they came: of two who acknowledge a flight the first one has it.

    >>> flight = FlightKey("LA", "226", "SCL", "2017-10-03T23:30")
    >>> def mark(minute, name, kind): return Mark(datetime(2017, 10, 3, 6, minute), name, kind, flight)
    >>> first, second = mark(0, "tower", "acknowledged"), mark(1, "ground", "acknowledged")
    >>> watch_of([first, second]).holder
    'tower'
    >>> handed_over = watch_of([first, mark(30, "tower", "handed_over"), mark(31, "ground", "acknowledged")])
    >>> handed_over.holder, handed_over.handed_over_by, handed_over.open_since.minute
    ('ground', 'tower', 0)
    """
    watch = Watch()
    for mark in marks:
        watch = _after(watch, mark)
    return watch


def _after(watch: Watch, mark: Mark) -> Watch:
    if mark.kind == "note":
        return watch._replace(notes=(*watch.notes, mark))
    if mark.kind == "released":
        return Watch(notes=watch.notes)
    if mark.kind == "acknowledged" and watch.holder is None:
        return watch._replace(holder=mark.key_name, open_since=watch.open_since or mark.received)
    if mark.kind == "handed_over" and watch.open_since is not None:
        return watch._replace(holder=None, handed_over_by=mark.key_name)
    return watch
