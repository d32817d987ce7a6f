"""No reader of a body takes time that grows faster than the body: what is four times as long takes about four times.

Bodies are drawn: a beginning, a piece repeated with a number of its own, an end. Processor time is compared, of the
quickest of several runs, and only where it is long enough to tell; what is quadratic takes sixteen times.
"""

import gc
import math
import random
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import msgspec
import pytest

from puntual.api.github import deliveries
from puntual.api.invocations.routes import _parts
from puntual.api.predict.request import decode_request
from puntual.api.problems import ProblemError
from puntual.api.serving.coming_flights import read_coming
from puntual.errors import PuntualError
from puntual.sources import read_plain, read_requested

SIZES = 3_000, 12_000
MOST = 10.0
# Below this many seconds, chance and what is done but once weigh more than the body.
TELLING = 0.02

Reader = Callable[[bytes], object]
CSV_READERS: dict[str, Reader] = {
    "POST /invocations, CSV": partial(_parts, kind="text/csv", unlisted={}),
    "PUT /timetable, CSV": lambda body: read_coming(body, "f", ".csv"),
    "puntual predict, CSV": lambda body: read_requested(body, "f", ".csv"),
    "flights, CSV": lambda body: read_plain(body, "f", ".csv"),
}
JSON_READERS: dict[str, Reader] = {
    "POST /predict": decode_request,
    "POST /invocations": partial(_parts, kind="application/json", unlisted={}),
    "PUT /timetable": lambda body: read_coming(body, "f", ".json"),
    "PUT /timetable, lines": lambda body: read_coming(body, "f", ".ndjson"),
    "puntual predict, JSON": lambda body: read_requested(body, "f", ".json"),
    "POST /webhooks/github": lambda body: deliveries.deploys("push", body),
}

HEADER = "airline,flight_number,origin,destination,scheduled_departure"
FLIGHT = (
    '"airline":"LA","flight_number":"{0}","origin":"SCL","destination":"MIA",'
    '"scheduled_departure":"2017-10-03T10:30"'
)
# Begin, piece, between pieces, end.
CSV_BODIES = {
    "columns": ("", "c{0}", ",", "\n1\n"),
    "columns and rows": (HEADER + ",", "c{0}", ",", "\n" + "1,2\n" * 10),
    "the same column": ("", "c", ",", "\n1\n"),
    "blank lines": (HEADER, "", "\n", "\n"),
    "rows": (HEADER + "\n", "LA,{0},SCL,MIA,2017-10-03 10:30", "\n", "\n"),
    "numbers of bad airports": (HEADER + "\n", "LA,{0},Q-{0},MIA,2017-10-03 10:30", "\n", "\n"),
    "cities": (HEADER + "\n", "LA,1,Santiago{0},MIA,2017-10-03 10:30", "\n", "\n"),
    "an open quote": (HEADER + '\n"', "LA,{0},SCL,MIA,2017-10-03 10:30", "\n", "\n"),
    "an open quote later": (HEADER + "\n", 'LA,{0},SCL,MIA,"', "\n", "\n"),
    "quotes": (HEADER + "\n", '""', "", "\n"),
    "ragged rows": (HEADER + "\n", "LA,{0}", "\n", "\n"),
    "a long cell": (HEADER + "\nLA,1,SCL,MIA,", "2017-10-03T10:30", "", "\n"),
    "a long airline": (HEADER + "\n", "L{0}", " ", ",1,SCL,MIA,2017-10-03 10:30\n"),
    "words of Santiago": ("OPERA,MES\n", "Sky Airline,{0}", "\n", "\n"),
}
JSON_BODIES = {
    "keys of one flight": ('{{"flights":[{{', '"k{0}":1', ",", "}}]}}"),
    "keys of the request": ("{{", '"k{0}":1', ",", "}}"),
    "flights": ('{{"flights":[', "{{" + FLIGHT + "}}", ",", "]}}"),
    "flights with keys of their own": ('{{"flights":[', '{{"k{0}":1}}', ",", "]}}"),
    "records": ('{{"instances":[', "{{" + FLIGHT + "}}", ",", "]}}"),
    "records with keys of their own": ('{{"instances":[', '{{"k{0}":1}}', ",", "]}}"),
    "columns of a split": ('{{"dataframe_split":{{"data":[],"columns":[', '"c{0}"', ",", "]}}}}"),
    "cells of a split": ('{{"dataframe_split":{{"columns":["airline"],"data":[', "[{0}]", ",", "]}}}}"),
    "columns of inputs": ('{{"inputs":{{', '"c{0}":[1]', ",", "}}}}"),
    "cut-offs": ('{{"instances":[', "{{" + FLIGHT + ',"as_of":"2017-10-0{0}"}}', ",", "]}}"),
    "rows with keys of their own": ("[", '{{"k{0}":1}}', ",", "]"),
    "rows": ("[", "{{" + FLIGHT + "}}", ",", "]"),
    "lines with keys of their own": ("", '{{"k{0}":1}}', "\n", "\n"),
    "nothing but arrays": ("", "[", "", ""),
    "a long text": ('{{"flights":[{{"origin":"', " ", "", 'SCL"}}]}}'),
    "escapes": ('{{"instances":[{{"airline":"', "\\u0041", "", '"}}]}}'),
    "a long number": ('{{"instances":[{{"MES":', "1", "", "}}]}}"),
    "commits": (
        '{{"ref":"refs/heads/a","repository":{{"default_branch":"a"}},"commits":[',
        "{{}}",
        ",",
        "]}}",
    ),
    "files": (
        '{{"ref":"refs/heads/a","repository":{{"default_branch":"a"}},"commits":[{{"added":[',
        '"{0}"',
        ",",
        "]}}]}}",
    ),
}
CASES = [
    pytest.param(reader, body, id=f"{route}: {shape}")
    for readers, bodies in ((CSV_READERS, CSV_BODIES), (JSON_READERS, JSON_BODIES))
    for route, reader in readers.items()
    for shape, body in bodies.items()
]


@pytest.mark.parametrize(("reader", "body"), CASES)
def test_a_body_four_times_as_long_takes_about_four_times_as_long(
    reader: Reader, body: tuple[str, str, str, str]
) -> None:
    assert growth(reader, lambda size: repeated(body, size)) < MOST


PIECES = [
    "",
    " ",
    ",",
    '"',
    "\n",
    "\r",
    "{0}",
    "a{0}",
    "é",
    "{{",
    "}}",
    "[",
    "]",
    ":",
    '"k{0}"',
    "\\",
    "null",
    "-",
    "T",
    "&",
    "=",
]


@pytest.mark.parametrize("seed", range(25))
def test_no_drawn_body_takes_time_that_grows_faster_than_it(seed: int) -> None:
    draw = random.Random(seed)
    body = tuple("".join(draw.choices(PIECES, k=draw.randint(0, 4))) for _ in range(4))
    begin = draw.choice(["", HEADER + "\n", "[", '{{"flights":[', '{{"instances":['])
    shape = (begin + body[0], *body[1:])
    for reader in (CSV_READERS | JSON_READERS).values():
        assert growth(reader, lambda size: repeated(shape, size)) < MOST, shape


def test_time_that_grows_faster_is_noticed() -> None:
    def count_each(body: bytes) -> int:
        columns = body.split(b",")[::4]
        return sum(columns.count(column) for column in columns)

    assert growth(count_each, lambda size: repeated(("", "c{0}", ",", ""), size)) > MOST


def repeated(body: tuple[str, ...], size: int) -> bytes:
    begin, piece, between, end = body
    pieces = between.join(piece.format(number) for number in range(size))
    return f"{begin.format(0)}{pieces}{end.format(0)}".encode()


def growth(reader: Reader, body_of: Callable[[int], bytes]) -> float:
    """Say how many times as long the reader takes for the longer body; 0 where neither takes long."""
    short, long = (body_of(size) for size in SIZES)
    if seconds(reader, long) < TELLING:
        return 0.0
    # By turns, since a neighbour on the machine slows one of them down for a while; what really grows faster goes on
    # doing so however often it is timed, so only what seems to is timed further.
    quickest = [math.inf, math.inf]
    for turn in range(40):
        quickest = [
            min(best, seconds(reader, body)) for best, body in zip(quickest, (short, long), strict=True)
        ]
        if turn >= 4 and quickest[1] / quickest[0] < MOST:
            break
    return quickest[1] / quickest[0]


def seconds(reader: Reader, body: bytes) -> float:
    # A round of the collector walks through all that this process holds, whatever the body is.
    gc.disable()
    try:
        start = time.process_time()
        with suppress(PuntualError, ProblemError, ValueError, RecursionError, msgspec.MsgspecError):
            reader(body)
        return time.process_time() - start
    finally:
        gc.enable()
