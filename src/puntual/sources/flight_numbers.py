"""A column of flight numbers → each written in the one way; most are so already and cost one look."""

import polars as pl

from puntual.flights.flight_number import CLEAN, clean_flight_number


def clean_flight_numbers(numbers: pl.Series, airlines: pl.Series) -> pl.Series:
    """Clean the flight numbers of n flights, each by its airline; null stays null."""
    rows = pl.DataFrame({"written": numbers, "airline": airlines})
    other = ~pl.col("written").str.contains(CLEAN.pattern)
    pairs = rows.filter(other).unique()
    if pairs.is_empty():
        return numbers
    cleaned = pairs.with_columns(
        pl.Series("cleaned", [clean_flight_number(*pair) for pair in pairs.rows()], pl.String)
    )
    joined = rows.join(
        cleaned, on=["written", "airline"], how="left", nulls_equal=True, maintain_order="left"
    )
    return joined.select(pl.coalesce("cleaned", "written").alias(numbers.name)).to_series()
