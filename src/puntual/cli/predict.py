"""`puntual predict`."""

from datetime import datetime
from pathlib import Path

import click

from puntual.cli.options import (
    FORMATS,
    MOMENTS,
    SOURCE_NAMES,
    bad_rows_option,
    bundle_option,
    registry_option,
)


@click.command()
@click.argument("file", type=click.Path(allow_dash=True))
@click.option(
    "-o", "--output", required=True, type=click.Path(allow_dash=True), help="CSV, Parquet or JSON; - prints."
)
@bundle_option
@click.option("--as-of", type=MOMENTS, help="The cut-off: only operations of days before it are used.")
@click.option("--reasons", is_flag=True, help="Add the share of each group of features in P(late).")
@click.option(
    "--past", type=click.Path(path_type=Path), help="Past flights with operations, for the history."
)
@click.option(
    "--timetable", type=click.Path(path_type=Path), help="The whole timetable of the days asked about."
)
@click.option(
    "--source", type=click.Choice(SOURCE_NAMES), help="Whose table the files are [Puntual's own columns]."
)
@click.option(
    "--map", "map_file", type=click.Path(path_type=Path), help="TOML map of columns, for --source table."
)
@bad_rows_option
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="csv", show_default=True, help="Format of -."
)
@registry_option
def predict(
    file: str,
    output: str,
    which: str | None,
    as_of: datetime | None,
    reasons: bool,
    past: Path | None,
    timetable: Path | None,
    source: str | None,
    map_file: Path | None,
    bad_rows: str | None,
    form: str,
    registry: str,
) -> None:
    """Predict how late the flights of FILE will be (- for standard input)."""
    if map_file is not None and source is None:
        raise click.UsageError("--map needs --source: it says whose table FILE is, such as --source table")
    from puntual.cli.output.console import progress
    from puntual.cli.output.predictions import say_warnings
    from puntual.cli.output.sources import say_reading
    from puntual.prediction.predictor import Predictor
    from puntual.prediction.table_io import Reader, read_table, write_table
    from puntual.sources import FlightTable, read_plain, read_requested

    predictor = Predictor.load(registry, which)
    rule = predictor.bundle.manifest.late_rule

    def read(name: str, reader: Reader = read_plain) -> FlightTable:
        return read_table(name, form, source, map_file, rule, reader, bad_rows, predictor.unlisted)

    asked = read(file, read_requested)
    say_reading(asked)
    with progress("predicting") as told:
        done = 0

        def count(flights: int) -> None:
            nonlocal done
            done += flights
            told("flights", done, asked.flights.height)

        said = predictor.predict(
            asked.flights,
            as_of,
            past=None if past is None else read(str(past)).flights,
            timetable_of=None if timetable is None else read(str(timetable)).flights,
            reasons=reasons,
            progress=count,
        )
    say_warnings(said)
    write_table(asked, said, output, form)
