"""Columns that are read side by side tell of what is wrong as those read one after another."""

import polars as pl
import pytest

from puntual.errors import MissingColumnError
from puntual.sources import column_reading
from puntual.sources.column_reading import read_columns
from puntual.sources.parsing import read_clock, read_minutes, read_text
from puntual.sources.raw_table import RawTable, raw_table

READERS = {
    "clock": lambda raw: read_clock(raw, "clock"),
    "delay": lambda raw: read_minutes(raw, "delay"),
    "airline": lambda raw: read_text(raw, "airline"),
}


def table() -> RawTable:
    columns = {
        "clock": ["0905", "9:05", "2400", "2401", None] * 20,
        "delay": ["3", "-1.5", "", "soon", None] * 20,
        "airline": ["AA", "", "B6", "B6", "B6"] * 20,
    }
    return raw_table("t", pl.DataFrame(columns))


@pytest.fixture(params=[1, 1 << 20], ids=["side by side", "one after another"])
def large_from(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(column_reading, "_LARGE", request.param)
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 2)
    return int(request.param)


@pytest.mark.usefixtures("large_from")
def test_faults_stand_in_the_order_of_the_columns() -> None:
    raw = table()
    read = read_columns(raw, READERS)
    assert [*read] == ["clock", "delay", "airline"]
    assert read["clock"].to_list()[:5] == [545, 545, 1440, None, None]
    assert read["delay"].to_list()[:5] == [3.0, -1.5, None, None, None]
    assert [fault.column for fault in raw.faults] == ["clock", "delay", "airline"]
    assert [fault.rows.to_list()[:2] for fault in raw.faults] == [[3, 4], [3, 8], [1, 6]]


@pytest.mark.usefixtures("large_from")
def test_a_column_that_is_missing_is_named() -> None:
    readers = READERS | {"tail": lambda raw: read_text(raw, "tail")}
    with pytest.raises(MissingColumnError, match="tail"):
        read_columns(table(), readers)
