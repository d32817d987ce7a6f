"""`puntual train`."""

from datetime import UTC, datetime
from pathlib import Path

import click

from puntual.cli.command_line import command_line
from puntual.cli.options import (
    SEEDS,
    TARGETS,
    cluster_options,
    json_option,
    registry_option,
    require_finite,
    require_period,
    source_options,
    wait_quietly,
)


@click.command()
@source_options
@click.option(
    "--target",
    type=click.Choice(TARGETS),
    default=TARGETS[0],
    show_default=True,
    help="The delay to learn; a diverted flight never arrived.",
)
@click.option("--split", type=click.Choice(["time", "stratified"]), default="time", show_default=True)
@click.option(
    "--candidates", metavar="A,B:TREATMENT", help="lightgbm, xgboost, forest, neural, logistic [all]."
)
@click.option("--preset", type=click.Choice(["standard", "quick"]), default="standard", show_default=True)
@click.option(
    "--tune",
    "minutes",
    type=click.FloatRange(0),
    default=0.0,
    callback=require_finite,
    help="Minutes to search parameters for.",
)
@click.option(
    "--cost",
    default="balanced",
    show_default=True,
    help="What sets the threshold: balanced, f1, precision=0.4, capacity=10%, or miss=5,false_alarm=1.",
)
@click.option(
    "--rows",
    type=int,
    metavar="N",
    help="Rows to fit at most; of a larger table a sample by airport and month [what half the machine's memory takes].",
)
@click.option("--seed", type=SEEDS, default=0, show_default=True)
@click.option(
    "--no-backtest", is_flag=True, help="Leave out other periods, the other split and the ablation."
)
@click.option(
    "--no-live",
    is_flag=True,
    help="Leave out what is known as the day unfolds; the model then answers as on the evening before.",
)
@cluster_options
@registry_option
@click.option("--reports", type=click.Path(path_type=Path), default=Path("reports"), show_default=True)
@json_option
def train(
    source: str,
    data: Path | str | None,
    map_file: Path | None,
    bad_rows: str | None,
    start: datetime | None,
    until: datetime | None,
    target: str,
    split: str,
    candidates: str | None,
    preset: str,
    minutes: float,
    cost: str,
    rows: int | None,
    seed: int,
    no_backtest: bool,
    no_live: bool,
    cluster: str | None,
    scratch: str | None,
    registry: str,
    reports: Path,
    as_json: bool,
) -> None:
    """Train and compare candidates, and put the best into the registry."""
    require_period(start, until)
    wait_quietly()
    from puntual.cli.output.console import print_json, progress
    from puntual.cli.output.score_tables import print_training
    from puntual.sources import read_flights
    from puntual.training.train import Options, check_options
    from puntual.training.train import train as train_on

    options = Options(
        preset=preset,
        candidates=candidates,
        split=split,
        start=start,
        until=until,
        tune_minutes=minutes,
        cost=cost,
        seed=seed,
        backtest=not no_backtest,
        live=not no_live,
        command=command_line(click.get_current_context()),
        target=target,
        rows=rows,
    )
    check_options(options, registry, reports)
    if cluster is not None:
        from puntual.cli.output.on_cluster import on_cluster
        from puntual.scale.source_files import source_table
        from puntual.scale.spread_training import spread_training

        with on_cluster(cluster, "training") as (workers, report_progress):
            training = spread_training(
                workers,
                source_table(source, data, map_file, bad_rows),
                registry=registry,
                now=datetime.now(UTC),
                options=options,
                reports=reports,
                scratch=scratch,
                progress=report_progress,
            )
    else:
        table = read_flights(source, data, map_file, bad_rows=bad_rows)
        with progress("training", lines=True) as report_progress:
            training = train_on(
                table,
                registry=registry,
                now=datetime.now(UTC),
                options=options,
                reports=reports,
                progress=report_progress,
            )
    if as_json:
        print_json(training)
    else:
        print_training(training, reports, registry)
