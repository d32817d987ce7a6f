"""Rows of JSON are read one after another, in every way that they may be written, and never at one go."""

import json
import sys

import pytest

from puntual.errors import PuntualError
from puntual.sources.json_objects import read_objects

ROW = {"airline": "LA", "gate": None, "flight_number": 226, "late": True, "distance": 1.5}
TEXTS = {"airline": "LA", "gate": None, "flight_number": "226", "late": "true", "distance": "1.5"}


@pytest.mark.parametrize(
    "data",
    [
        json.dumps([ROW, ROW]),
        json.dumps([ROW, ROW], indent=1),
        f" \r\n[ {json.dumps(ROW)}\t,\n{json.dumps(ROW)} ] \n",
        f"{json.dumps(ROW)}\n{json.dumps(ROW)}",
        f"{json.dumps(ROW)}\r\n\n{json.dumps(ROW)}\n",
    ],
)
def test_two_rows_are_read_in_every_way_that_they_are_written(data: str) -> None:
    assert list(read_objects(data.encode(), "f")) == [TEXTS, TEXTS]


@pytest.mark.parametrize("text", ['a"b', "a\\", '\\"', "}, {", "]", "é\u2028", "a\n{", "{}", '"}'])
def test_what_looks_like_an_end_inside_a_text_ends_nothing(text: str) -> None:
    rows = [{"airline": text, text: "x"}, {"airline": "LA"}]
    assert list(read_objects(json.dumps(rows).encode(), "f")) == rows
    assert list(read_objects(json.dumps(rows, ensure_ascii=False).encode(), "f")) == rows


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ('[{"a": 1} {"a": 1}]', "not JSON .*row 2 does not follow row 1"),
        ('[{"a": 1},]', "not JSON .*row 2"),
        ('[{"a": 1}', "not JSON"),
        ('[{"a": 1}] x', "not JSON"),
        ('[{"a": 1}]]', "not JSON"),
        ('{"a": 1}{"a": 1}', "not JSON .*row 2 does not follow row 1"),
        ('{"a": 1', "not JSON .*row 1"),
        ('[{"a": 1}, {"a": }]', "not JSON .*row 2"),
        ('[{"a": "\\ud800"}]', "not JSON .*row 1"),
        ('[{"a": 1}, null]', "row 2: 'None' is not an object"),
        ('[{"a": 1}, [1]]', r"row 2: '\[1\]' is not an object"),
        ('[{"a": 1}, {"b": {"c": 1}}]', "row 2, column 'b': .* cannot be read"),
        ('[{"a": 1}, {"b": [{"c": 1}]}]', "row 2, column 'b': .* cannot be read"),
        ('[{"a": 1}, {"b": "' + "x" * 300_000 + '"}]', "row 2: it is longer than 262,144 bytes"),
    ],
)
def test_the_row_that_cannot_be_read_is_named(data: str, message: str) -> None:
    with pytest.raises(PuntualError, match=message):
        list(read_objects(data.encode(), "f"))


def test_the_first_row_is_there_before_the_others_are_looked_at() -> None:
    rows = read_objects(b'[{"a": "1"}, this is no JSON', "f")
    assert next(rows) == {"a": "1"}


def test_rows_that_are_no_objects_are_not_all_decoded_before_the_first_is_refused() -> None:
    """32 MB of such numbers were a gigabyte of objects, and two seconds in which no other thread ran."""
    largest = 0

    def watch(_: object, __: str, result: object) -> None:
        nonlocal largest
        if isinstance(result, list):
            largest = max(largest, len(result))

    sys.setprofile(watch)
    try:
        with pytest.raises(PuntualError, match="row 1: '1' is not an object"):
            list(read_objects(b"[" + b"1," * 100_000 + b"1]", "f"))
    finally:
        sys.setprofile(None)
    assert largest < 1_000
