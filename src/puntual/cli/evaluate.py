"""`puntual evaluate`."""

from datetime import datetime
from pathlib import Path

import click

from puntual.cli.options import bundle_option, json_option, registry_option, require_period, source_options


@click.command()
@bundle_option
@source_options
@click.option(
    "--split-test", is_flag=True, help="Score the bundle's own test flights, by the model tested on them."
)
@registry_option
@json_option
def evaluate(
    which: str | None,
    source: str,
    data: Path | str | None,
    map_file: Path | None,
    bad_rows: str | None,
    start: datetime | None,
    until: datetime | None,
    split_test: bool,
    registry: str,
    as_json: bool,
) -> None:
    """Score a bundle on flights that it may never have seen; those before --from only feed history."""
    from puntual.cli.output.console import print_json, progress, say
    from puntual.cli.output.notes import say_reading
    from puntual.cli.output.score_tables import plain_scores, print_scores
    from puntual.registry import Registry
    from puntual.sources import read_flights
    from puntual.training.bundle_scores import score_bundle

    require_period(start, until)
    bundle = Registry(registry).read(which)
    with progress("evaluating", lines=True) as report_progress:
        report_progress("reading", 0, 2)
        table = read_flights(source, data, map_file, bad_rows=bad_rows)
        say_reading(table)
        report_progress("scoring", 1, 2)
        scored = score_bundle(bundle, table, start=start, until=until, split_test=split_test)
    if scored.trained_on:
        say(
            f"{scored.trained_on:,} of these flights lie in the period that the model was trained on, so the scores "
            "flatter it; give --from a later date, or --split-test"
        )
    if as_json:
        print_json(plain_scores(bundle, scored))
    else:
        print_scores(bundle, scored)
