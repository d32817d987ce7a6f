"""`puntual predict`."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from puntual.cli.options import (
    FORMATS,
    MOMENTS,
    SOURCE_NAMES,
    bad_rows_option,
    bundle_option,
    cluster_options,
    registry_option,
    separator_of,
    target_option,
)


@click.command()
@click.argument("file", type=click.Path(allow_dash=True))
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(allow_dash=True),
    help="CSV, Excel, Parquet or JSON; - prints.",
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
@target_option
@bad_rows_option
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="csv", show_default=True, help="Format of -."
)
@click.option(
    "--separator", default=None, help="Between the cells of CSV, in and out [, or ; with --decimal ,]."
)
@click.option(
    "--decimal",
    type=click.Choice([".", ","]),
    default=".",
    show_default=True,
    help="Decimal mark of CSV, out.",
)
@click.option("--day-first", is_flag=True, help="Read dates such as 31/01/2017; a map has its own rule.")
@click.option("--exact", is_flag=True, help="Write figures with all their digits, not four decimals.")
@cluster_options
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
    target: str | None,
    bad_rows: str | None,
    form: str,
    separator: str | None,
    decimal: str,
    day_first: bool,
    exact: bool,
    cluster: str | None,
    scratch: str | None,
    registry: str,
) -> None:
    """Predict how late the flights of FILE will be (- for standard input)."""
    if map_file is not None and source is None:
        raise click.UsageError("--map needs --source: it says whose table FILE is, such as --source table")
    from puntual.cli.output.console import progress, say
    from puntual.cli.output.notes import say_reading, say_warnings
    from puntual.prediction.out_of_core import predict_spooled, spool_large
    from puntual.prediction.predictor import Predictor
    from puntual.prediction.table_io import STANDARD, Reader, form_of, read_table, write_table
    from puntual.prediction.table_notation import Notation
    from puntual.prediction.warnings import count_warnings
    from puntual.registry import Registry, require_target
    from puntual.sources import FlightTable, read_plain, read_requested, toward

    if output != STANDARD:
        form_of(Path(output))
    separator = separator_of(separator, decimal)
    bundle = Registry(registry).read(which)
    predictor = Predictor(bundle)
    require_target(bundle, target)
    rule = predictor.bundle.manifest.late_rule

    def read(name: str, reader: Callable[..., FlightTable] = read_plain) -> FlightTable:
        written: Reader = partial(
            reader, separator=separator, day_first=day_first, may_lack=("airline", "flight_number")
        )
        return read_table(name, form, source, map_file, rule, written, bad_rows, predictor.unlisted)

    # Of a cluster, each worker sees a part alone.
    large = (
        None if cluster is not None else spool_large(file, output, lambda small: read(small, read_requested))
    )
    requested = read(file, read_requested) if large is None else large.table
    say_reading(requested)
    total = requested.flights.height if large is None else large.flights
    notation = Notation(separator, decimal, exact)
    known: dict[str, Any] = {
        "as_of": as_of,
        "past": None if past is None else toward(read(str(past)), predictor.target),
        "timetable_of": None if timetable is None else read(str(timetable)).flights,
        "reasons": reasons,
    }
    notes: Sequence[str] = ()
    if cluster is not None:
        from puntual.cli.output.on_cluster import on_cluster
        from puntual.scale.spread_predictions import spread_predictions

        place = Path("predictions" if output == STANDARD else output)
        with on_cluster(cluster, "predicting") as (workers, report_spread):
            predictions = spread_predictions(
                workers, bundle, requested.flights, place, scratch=scratch, progress=report_spread, **known
            )
        warned = count_warnings(predictions.warnings)
    else:
        with progress("predicting", lines=True) as report_progress:
            done = 0

            def count(flights: int) -> None:
                nonlocal done
                done += flights
                report_progress(f"{done:,} flights", done, total)

            if large is not None:
                notes, warned = predict_spooled(
                    predictor, large, Path(output), notation, **known, progress=count
                )
            else:
                predictions = predictor.predict(requested.flights, **known, progress=count)
                warned = count_warnings(predictions.warnings)
    say_warnings(warned)
    for note in write_table(requested, predictions, output, form, notation) if large is None else notes:
        say(note)
