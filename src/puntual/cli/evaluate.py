"""`puntual evaluate`."""

from datetime import datetime
from pathlib import Path

import click

from puntual.cli.options import (
    bundle_option,
    cluster_options,
    json_option,
    registry_option,
    require_period,
    source_options,
    target_option,
)

_HIDDEN = ("tails", "weather")
_FARTHEST = 18 * 60


def read_horizons(_: click.Context, __: click.Parameter, text: str | None) -> tuple[str, ...]:
    """Read horizons such as `day,360,30`; refuse what is neither `day` nor minutes that a cut-off may be before."""
    names = _split(text)
    for name in names:
        if name != "day" and not (name.isdecimal() and 1 <= int(name) <= _FARTHEST):
            raise click.BadParameter(
                f"{name!r} is no horizon; expected day, or minutes from 1 to {_FARTHEST}; give such as day,120,30"
            )
    return names


def read_hidden(_: click.Context, __: click.Parameter, text: str | None) -> tuple[str, ...]:
    """Read what is to be hidden."""
    names = _split(text)
    for name in names:
        if name not in _HIDDEN:
            raise click.BadParameter(
                f"{name!r} cannot be hidden; expected {' or '.join(_HIDDEN)}; name one or both"
            )
    return names


def _split(text: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(","))) if text else ()


@click.command()
@bundle_option
@source_options
@click.option(
    "--split-test", is_flag=True, help="Score the bundle's own test flights, by the model tested on them."
)
@click.option(
    "--horizons",
    metavar="DAY,MINUTES",
    callback=read_horizons,
    help="Score as the day unfolds: day for the close of the day before, and minutes before the schedule.",
)
@click.option(
    "--without",
    metavar="tails,weather",
    callback=read_hidden,
    help="Hide what the table tells of aircraft or weather from --horizons.",
)
@target_option
@cluster_options
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
    horizons: tuple[str, ...],
    without: tuple[str, ...],
    target: str | None,
    cluster: str | None,
    scratch: str | None,
    registry: str,
    as_json: bool,
) -> None:
    """Score a bundle on flights that it may never have seen; those before --from only feed history."""
    from puntual.cli.output.console import print_json, progress, say
    from puntual.cli.output.notes import say_reading
    from puntual.cli.output.score_tables import plain_scores, print_scores
    from puntual.registry import Registry, require_target
    from puntual.sources import read_flights
    from puntual.training.bundle_scores import score_bundle
    from puntual.training.experiment import Options
    from puntual.training.large_scores import can_be_scored_in_parts, score_large
    from puntual.training.table_in_pieces import read_large

    require_period(start, until)
    bundle = Registry(registry).read(which)
    require_target(bundle, target)
    if cluster is not None:
        from puntual.cli.output.on_cluster import on_cluster
        from puntual.scale.source_files import source_table
        from puntual.scale.spread_scores import Scoring, spread_scores

        with on_cluster(cluster, "evaluating") as (workers, report_progress):
            scored = spread_scores(
                workers,
                bundle,
                source_table(source, data, map_file, bad_rows),
                Scoring(start, until, split_test, horizons, without),
                scratch=scratch,
                on_read=say_reading,
                progress=report_progress,
            )
    else:
        with progress("evaluating", lines=True) as report_progress:
            report_progress("reading", 0, 2)
            learnt = Options(target=bundle.manifest.target)
            large = (
                read_large(source, data, map_file, bad_rows, learnt, bundle.manifest.late_rule)
                if can_be_scored_in_parts(horizons)
                else None
            )
            table = large[0] if large else read_flights(source, data, map_file, bad_rows=bad_rows)
            say_reading(table)
            report_progress("scoring", 1, 2)
            if large is not None:
                dataset, _ = large[1]
                scored = score_large(
                    bundle,
                    table,
                    dataset,
                    start=start,
                    until=until,
                    split_test=split_test,
                    horizons=horizons,
                )
            else:
                scored = score_bundle(
                    bundle,
                    table,
                    start=start,
                    until=until,
                    split_test=split_test,
                    horizons=horizons,
                    without=without,
                )
    if scored.trained_on:
        say(
            f"{scored.trained_on:,} of these flights lie in the period that the model was trained on, so the scores "
            "flatter it; give --from a later date, or --split-test"
        )
    if as_json:
        print_json(plain_scores(bundle, scored))
    else:
        print_scores(bundle, scored)
