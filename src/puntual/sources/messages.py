"""How messages speak of a table: of its values, cells and columns."""

from collections.abc import Iterable, Sequence

from puntual.errors import BadValueError, MissingColumnError, TableError, did_you_mean
from puntual.flights.flight import FLIGHT_FIELDS

SHOWN = 80
SHOWN_COLUMNS = 30
_FIELDS = {*FLIGHT_FIELDS, "time_zone", "arrived", "diverted"}


def shown(value: object, length: int = SHOWN) -> str:
    """Write a value for a message: quoted, with control characters escaped, and never long.

    >>> shown("a" * 5), shown("a" * 1000)[-6:]
    ("'aaaaa'", "aaaa…'")
    """
    text = value if isinstance(value, str) else str(value)
    return repr(text if len(text) <= length else text[:length] + "…")


def is_empty(value: object) -> bool:
    """Tell whether a cell holds nothing, or nothing but white space."""
    return value is None or (isinstance(value, str) and not value.strip())


def bad_value(cell: str, value: object, expectation: str, remedy: str) -> BadValueError:
    """Describe a cell that cannot be read; `cell` says where it is."""
    return BadValueError(f"{cell}: {describe_value(value, expectation, remedy)}")


def describe_value(value: object, expectation: str, remedy: str) -> str:
    """Describe the value of a cell that cannot be read, what was expected, and what to do."""
    problem = "the cell is empty" if is_empty(value) else f"{shown(value)} cannot be read"
    return f"{problem}; expected {expectation}; {remedy}"


def missing_column(table: str, column: str, there: Sequence[str]) -> MissingColumnError:
    """Describe a column that is not there, with the names nearest to it."""
    names = there[:SHOWN_COLUMNS]
    return MissingColumnError(
        f"{table}: column {shown(column)} is missing; expected it among {shown(', '.join(names), 400)}"
        + (did_you_mean(column, names) or _other_separator(names))
    )


def no_flights(table: str) -> TableError:
    """Describe a table that holds nothing."""
    return TableError(
        f"{table}: it holds no flights; expected rows below the header; check that the file is complete"
    )


def unused(columns: Iterable[str]) -> tuple[str, ...]:
    """Note the columns that no field of a flight is called by, with the field that each may mean."""
    strange = [name for name in columns if name not in _FIELDS]
    noted = [
        f"column {shown(name)} is not used{did_you_mean(name, FLIGHT_FIELDS)}"
        for name in strange[:SHOWN_COLUMNS]
    ]
    rest = len(strange) - len(noted)
    return (*noted, *([f"{rest} more columns are not used"] if rest else ()))


def _other_separator(names: Sequence[str]) -> str:
    if len(names) != 1:
        return ""
    mark = next((mark for mark in (";", "\t", "|", ",") if mark in names[0]), None)
    if mark is None:
        return ""
    return (
        f"; the header is one column: is the separator {mark!r}? "
        "name it with --separator or in the map, or save it with commas"
    )
