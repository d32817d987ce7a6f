"""The tables of `POST /invocations`: rows out of the shapes that MLflow's scoring server takes, and answers as CSV."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from puntual.api.invocations.document import InvokedRow
from puntual.api.invocations.table_types import InvokedParams
from puntual.api.problems import ProblemError, shown
from puntual.errors import TableError
from puntual.sources.csv_rows import read_csv_rows

Row = dict[str, Any]


def rows_of_csv(body: bytes) -> list[Row]:
    """Read CSV with a header; an empty cell is null. Raise ProblemError naming the line that cannot be read."""
    try:
        header, rows = read_csv_rows(body, "the body")
        cells_of_rows = [[cell or None for cell in cells] for _, cells in rows if any(cells)]
    except TableError as error:
        raise _fault(str(error)) from error
    return [dict(zip(header, cells, strict=True)) for cells in cells_of_rows]


def rows_of_json(body: bytes) -> tuple[list[Row], str | None]:
    """Read the rows of a JSON body and the cut-off among its `params`; raise ProblemError saying what is wrong.

    NaN, which is no JSON but what pandas writes for an empty cell, is null.
    """
    try:
        text = body.decode()
        given = json.loads(text, parse_constant=_constant)
        if "\\u" in text:
            # An escape may be half of a pair of surrogates, which no text can hold, nor any answer or log.
            json.dumps(given, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise _fault(f"Ensure that input is a valid JSON formatted string. Error: {error}") from error
    shapes = [name for name in _SHAPES if name in given] if isinstance(given, dict) else []
    if len(shapes) != 1:
        raise _fault(
            "The input must be a JSON dictionary with exactly one of the input fields "
            f"{', '.join(_SHAPES)}; received {shown(list(given) if isinstance(given, dict) else given)}"
        )
    return _SHAPES[shapes[0]](given[shapes[0]], shapes[0]), _as_of(given.get("params"))


def written_as_csv(rows: Sequence[InvokedRow]) -> str:
    """Write answers as CSV with a header; an empty cell is null."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(InvokedRow.__struct_encode_fields__)
    for row in rows:
        table.writerow([_cell(value) for value in msgspec.structs.astuple(row)])
    return text.getvalue()


def _records(given: Any, name: str) -> list[Row]:
    if isinstance(given, list) and all(isinstance(row, dict) for row in given):
        return given
    raise _fault(f"{name} is {shown(given)}; expected a list of records, each naming its columns")


def _split(given: Any, name: str) -> list[Row]:
    """Read the `split` orientation of pandas; its index is not looked at."""
    columns, data = (given.get(part) if isinstance(given, dict) else None for part in ("columns", "data"))
    if (
        not isinstance(columns, list)
        or not all(isinstance(column, str) for column in columns)
        or len(set(columns)) < len(columns)
    ):
        raise _fault(f"{name} has columns {shown(columns)}; expected the names of its columns, each once")
    if not isinstance(data, list) or not all(
        isinstance(row, list) and len(row) == len(columns) for row in data
    ):
        raise _fault(f"{name} has data {shown(data)}; expected lists of {len(columns)} cells")
    return [dict(zip(columns, row, strict=True)) for row in data]


def _inputs(given: Any, name: str) -> list[Row]:
    """Read columns by their names, as lists or as single cells, or else records."""
    if not isinstance(given, dict):
        return _records(given, name)
    columns = {key: cells if isinstance(cells, list) else [cells] for key, cells in given.items()}
    if len({len(cells) for cells in columns.values()}) != 1:
        raise _fault(f"{name} is {shown(given)}; expected columns of one length")
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


_SHAPES: dict[str, Callable[[Any, str], list[Row]]] = {
    "dataframe_records": _records,
    "dataframe_split": _split,
    "inputs": _inputs,
    "instances": _records,
}


def _as_of(params: Any) -> str | None:
    try:
        return msgspec.convert({} if params is None else params, InvokedParams).as_of
    except msgspec.ValidationError as error:
        raise _fault(f"params is {shown(params)}; expected as_of, a time, or nothing ({error})") from error


def _cell(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _fault(message: str) -> ProblemError:
    return ProblemError(HTTPStatus.BAD_REQUEST, message)


def _constant(name: str) -> float | None:
    return None if name == "NaN" else float(name)
