"""Cutting flights into train, validation and test: by time, or stratified by delay band; and drawing of too many."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from puntual.errors import NotEnoughFlightsError

VALIDATION, TEST = 0.15, 0.15
FEWEST = 500
Rows = NDArray[np.intp]


class SplitKind(enum.StrEnum):
    """How flights are cut: by scheduled departure, or at random within each band."""

    TIME = "time"
    STRATIFIED = "stratified"


@dataclass(frozen=True, slots=True)
class Split:
    """Positions of the flights of each part, in a table sorted by scheduled departure."""

    kind: SplitKind
    train: Rows
    validation: Rows
    test: Rows

    @property
    def before_test(self) -> Rows:
        """The flights of train and validation, in order."""
        return np.sort(np.concatenate([self.train, self.validation]))


def split_by_time(scheduled: pl.Series) -> Split:
    """Cut flights by scheduled departure at midnights, so that no test flight precedes a training one.

    `scheduled` is sorted. The last 15 % of flights are the test, the 15 % before them validation.
    """
    days = scheduled.dt.date()
    parts = [_midnight(days, 1 - TEST - VALIDATION), _midnight(days, 1 - TEST)]
    train, validation, test = np.split(np.arange(len(scheduled)), parts)
    return _checked(Split(SplitKind.TIME, train, validation, test))


def split_stratified(bands: NDArray[np.int8], seed: int = 0) -> Split:
    """Cut flights at random within each band, 70, 15 and 15 %."""
    chance = np.random.default_rng(seed)
    parts: list[list[Rows]] = [[], [], []]
    for band in np.unique(bands):
        shuffled = chance.permutation(np.flatnonzero(bands == band))
        ends = np.round(len(shuffled) * np.array([1 - TEST - VALIDATION, 1 - TEST])).astype(int)
        for part, rows in zip(parts, np.split(shuffled, ends), strict=True):
            part.append(rows)
    train, validation, test = (np.sort(np.concatenate(part)) for part in parts)
    return _checked(Split(SplitKind.STRATIFIED, train, validation, test))


def sample_rows(rows: Rows, strata: NDArray[np.int64], most: int, seed: int) -> Rows:
    """Draw so many of some rows, in order; all where there are no more.

    `strata` holds the stratum of each row of the whole table. Each gets its share of the sample to within one row, and
    the same rows are drawn again from the same rows by the same seed.

    >>> sample_rows(np.arange(8), np.array([0, 0, 0, 0, 0, 0, 1, 1]), 4, seed=0) // 6
    array([0, 0, 0, 1])
    """
    if len(rows) <= most:
        return rows
    chance = np.random.default_rng(seed).random(len(rows))
    by_stratum = rows[np.lexsort((chance, strata[rows]))]
    return np.sort(by_stratum[np.arange(most) * len(rows) // most])


def rolling_origins(
    scheduled: pl.Series, rows: Rows, shares: tuple[float, ...]
) -> Iterator[tuple[Rows, Rows]]:
    """Cut some flights at several midnights; give, for each, the flights before it and those up to the next.

    `shares` says where the cut-offs lie among the flights; the last block reaches to the end.
    """
    days = scheduled.gather(rows).dt.date()
    ends = [*(_midnight(days, share) for share in shares), len(rows)]
    for start, end in pairwise(ends):
        if 0 < start < end:
            yield rows[:start], rows[start:end]


def moment(scheduled: pl.Series, row: np.intp) -> datetime:
    """Give the scheduled departure at a position."""
    departure: datetime = scheduled[int(row)]
    return departure


def _midnight(days: pl.Series, share: float) -> int:
    """Find the first flight of the day that the share falls on."""
    return int(days.search_sorted(days[min(int(len(days) * share), len(days) - 1)], side="left"))


def _checked(split: Split) -> Split:
    flights = len(split.train) + len(split.validation) + len(split.test)
    if flights < FEWEST or not len(split.validation) or not len(split.test):
        raise NotEnoughFlightsError(
            f"{flights} operated flights to split into train, validation and test; expected at least {FEWEST}, on "
            "several days; give a longer period with --from and --until, or a larger table"
        )
    return split
