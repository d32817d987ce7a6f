"""The keys of more flights than may be held as text: made in chunks, and mapped."""

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from puntual.features.flight_keys import NAMED, UNKNOWABLE, Category, Keys, Unknown, nothing_unknown
from puntual.features.from_frame import keys_of
from puntual.flights.schema import as_text
from puntual.storage import scratch


def keys_in_chunks(flights: pl.DataFrame) -> Keys:
    """Take the keys from flights whose texts are categories, to the bit as `from_frame.keys_of` does from texts."""
    day, minute = (scratch.empty_line(flights.height, np.int64) for _ in range(2))
    positions = {name: scratch.empty_line(flights.height, np.intp) for name in NAMED}
    values: list[dict[str, tuple[str, ...]]] = []
    unknown: list[Unknown | None] = []
    for part, keys in _chunks(flights):
        day[part], minute[part] = keys.day, keys.minute
        for name in NAMED:
            positions[name][part] = getattr(keys, name).positions
        values.append({name: getattr(keys, name).values for name in NAMED})
        unknown.append(keys.unknown)
    categories = (_joined(positions[name], [of_chunk[name] for of_chunk in values]) for name in NAMED)
    return Keys(day, minute, *categories, unknown=_unknown_of_all(unknown, flights.height))


def _chunks(flights: pl.DataFrame) -> Iterator[tuple[slice, Keys]]:
    for part in scratch.chunks(flights.height):
        yield part, keys_of(as_text(flights[part]))


def _joined(positions: np.ndarray, values: Sequence[tuple[str, ...]]) -> Category:
    """Put one numbering of all values, in order, in the place of the numbers that each chunk has its own by."""
    every = sorted({value for of_chunk in values for value in of_chunk})
    place = {value: number for number, value in enumerate(every)}
    for part, of_chunk in zip(scratch.chunks(len(positions)), values, strict=True):
        numbers = np.array([place[value] for value in of_chunk], np.intp)
        positions[part] = numbers[positions[part]]
    return Category(tuple(every), positions)


def _unknown_of_all(parts: Sequence[Unknown | None], flights: int) -> Unknown | None:
    if not any(parts):
        return None
    sizes = [part.stop - part.start for part in scratch.chunks(flights)]
    whole = [nothing_unknown(size) if part is None else part for part, size in zip(parts, sizes, strict=True)]
    joined = {
        name: np.concatenate([getattr(part, name) for part in whole])
        for name in (*UNKNOWABLE, "month", "international")
    }
    return Unknown(**joined)
