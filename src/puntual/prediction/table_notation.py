"""How a table of predictions is written down: its figures, separators, and cells that a spreadsheet would run."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

import polars as pl
from polars import selectors

DIGITS = 4
# In the full width of East Asian keyboards too, which a spreadsheet there reads as these.
_FORMULA = r"^[=+\-@\t\r\n＝＋－＠]"
_NUMBER = r"^[+-]?[0-9][0-9.,]*$"


@dataclass(frozen=True, slots=True)
class Notation:
    """`separator` and `decimal` are those of CSV; figures have four decimals unless they are to be `exact`."""

    separator: str = ","
    decimal: str = "."
    exact: bool = False


Writer = Callable[[pl.DataFrame, BinaryIO, Notation], object]


def _whole_first(write: Writer) -> Writer:
    """Write to memory, then to the file: of a full disk these libraries would tell in errors of their own."""

    def write_whole(table: pl.DataFrame, file: BinaryIO, notation: Notation) -> object:
        written = BytesIO()
        write(table, written, notation)
        return file.write(written.getbuffer())

    return write_whole


WRITERS: dict[str, Writer] = {
    "csv": lambda table, file, notation: table.write_csv(
        file, separator=notation.separator, decimal_comma=notation.decimal == ","
    ),
    "parquet": _whole_first(lambda table, file, _: table.write_parquet(file)),
    "json": lambda table, file, _: file.write(table.write_json().encode()),
    # Wide enough to be read; the columns of figures keep all their digits.
    "xlsx": _whole_first(
        lambda table, file, _: table.write_excel(file, "predictions", autofit=True, float_precision=DIGITS)
    ),
}


def rounded(table: pl.DataFrame, notation: Notation) -> pl.DataFrame:
    """Round figures to four decimals, unless they are to be exact."""
    return table if notation.exact else table.with_columns(selectors.float().round(DIGITS))


def without_formulas(table: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Put an apostrophe before each text or name of a column that a spreadsheet would run as a formula, and count them.

    >>> without_formulas(pl.DataFrame({"note": ["=1+1", "-3,5", "=x", "fine"]}))[0]["note"].to_list()
    ["'=1+1", '-3,5', "'=x", 'fine']
    """
    table, names = _without_formulas_in_names(table)
    texts = pl.col(table.select(selectors.string()).columns)
    runs = texts.str.contains(_FORMULA) & ~texts.str.contains(_NUMBER)
    counted = table.select(runs.sum()).sum_horizontal().sum() if table.select(selectors.string()).width else 0
    if not counted:
        return table, names
    return table.with_columns(pl.when(runs).then(texts.str.replace("^", "'")).otherwise(texts)), names + int(
        counted
    )


def _without_formulas_in_names(table: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    names: dict[str, str] = {}
    for name in table.columns:
        if re.match(_FORMULA, name):
            harmless = f"'{name}"
            while harmless in table.columns:
                harmless = f"'{harmless}"
            names[name] = harmless
    return table.rename(names), len(names)
