"""`puntual features`."""

from datetime import datetime
from pathlib import Path

import click

from puntual.cli.evaluate import read_horizons
from puntual.cli.options import TARGETS, cluster_options, json_option, require_period, source_options


@click.command()
@source_options
@click.option(
    "--horizons",
    metavar="DAY,MINUTES",
    default="day",
    show_default=True,
    callback=read_horizons,
    help="The cut-offs: day for the close of the day before, and minutes before the schedule.",
)
@click.option(
    "--target",
    type=click.Choice(TARGETS),
    default=TARGETS[0],
    show_default=True,
    help="The delay that history counts.",
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="The folder to write, which is not there yet.",
)
@cluster_options
@json_option
def features(
    source: str,
    data: Path | str | None,
    map_file: Path | None,
    bad_rows: str | None,
    start: datetime | None,
    until: datetime | None,
    horizons: tuple[str, ...],
    target: str,
    output: Path,
    cluster: str | None,
    scratch: str | None,
    as_json: bool,
) -> None:
    """Write the vectors that training sees, as Parquet, a file for each origin airport and month."""
    require_period(start, until)
    from puntual.cli.output.console import print_json, progress, say
    from puntual.cli.output.notes import say_reading
    from puntual.sources import read_flights
    from puntual.storage.atomic_folder import require_vacant
    from puntual.training.experiment import Options
    from puntual.training.feature_table import write_features

    require_vacant(output)
    options = Options(start=start, until=until, target=target)
    if cluster is not None:
        from puntual.cli.output.on_cluster import on_cluster
        from puntual.scale.source_files import source_table
        from puntual.scale.spread_features import spread_features

        with on_cluster(cluster, "features") as (workers, report_progress):
            written = spread_features(
                workers,
                source_table(source, data, map_file, bad_rows),
                output,
                options,
                horizons,
                scratch=scratch,
                on_read=say_reading,
                progress=report_progress,
            )
    else:
        with progress("features") as report_progress:
            report_progress("reading", 0, 1)
            table = read_flights(source, data, map_file, bad_rows=bad_rows)
            say_reading(table)
            written = write_features(table, output, options, horizons, report_progress)
    if as_json:
        print_json(written)
        return
    say(
        f"{written.vectors:,} vectors of {written.flights:,} flights and {written.columns} features, "
        f"in {written.files} files under {output}"
    )
