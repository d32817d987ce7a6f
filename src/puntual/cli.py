"""The command line: it reads the call, prints and exits; it decides nothing.

Results go to standard output, progress and messages to standard error. The exit status is 0 when the work was
done, 1 when it failed and 2 when the call was wrong.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any

import click

from puntual.errors import BadCost, PuntualError, UnknownCandidate

SOURCE_NAMES = ("nyc", "scl", "table")
MOMENTS = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"])
FORMATS = ("csv", "parquet", "json")
Command = Callable[..., Any]

registry_option = click.option(
    "--registry", default="models", show_default=True, help="Folder or URL of bundles."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
bundle_option = click.option(
    "--bundle",
    "--model",
    "which",
    metavar="VERSION|FILE",
    help="A version, its beginning, or a file [champion].",
)


def source_options(command: Command) -> Command:
    """Add the options that say which flights to read."""
    options = (
        click.option("--source", type=click.Choice(SOURCE_NAMES), required=True, help="Whose table it is."),
        click.option("--data", type=click.Path(path_type=Path), help="The file or folder with the flights."),
        click.option(
            "--map", "map_file", type=click.Path(path_type=Path), help="TOML map of columns, for table."
        ),
        click.option("--from", "start", type=MOMENTS, help="First scheduled departure."),
        click.option("--until", type=MOMENTS, help="End of scheduled departures, exclusive."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def telling_errors(command: Command) -> Command:
    """Turn an error of Puntual into its message and the exit status that goes with it."""

    @wraps(command)
    def told(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except (UnknownCandidate, BadCost) as error:
            raise click.UsageError(str(error)) from error
        except PuntualError as error:
            raise click.ClickException(str(error)) from error

    return told


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="puntual", message="%(prog)s %(version)s")
def main() -> None:
    """Will this flight be late? Learn from past flights, and say how late scheduled ones are likely to be."""


@main.command()
@source_options
@click.option("--split", type=click.Choice(["time", "stratified"]), default="time", show_default=True)
@click.option(
    "--candidates", metavar="A,B:TREATMENT", help="lightgbm, xgboost, forest, neural, logistic [all]."
)
@click.option("--preset", type=click.Choice(["standard", "quick"]), default="standard", show_default=True)
@click.option(
    "--tune", "minutes", type=click.FloatRange(0), default=0.0, help="Minutes to search parameters for."
)
@click.option(
    "--cost", default="f1", show_default=True, help="What sets the threshold: f1, or miss=5,false_alarm=1."
)
@click.option("--seed", type=int, default=0, show_default=True)
@registry_option
@click.option("--reports", type=click.Path(path_type=Path), default=Path("reports"), show_default=True)
@json_option
@telling_errors
def train(
    source: str,
    data: Path | None,
    map_file: Path | None,
    start: datetime | None,
    until: datetime | None,
    split: str,
    candidates: str | None,
    preset: str,
    minutes: float,
    cost: str,
    seed: int,
    registry: str,
    reports: Path,
    as_json: bool,
) -> None:
    """Train and compare candidates, and put the best into the registry."""
    _wait_quietly()
    from puntual import terminal
    from puntual.sources import read_flights
    from puntual.training import Options
    from puntual.training import train as train_on

    options = Options(
        preset=preset,
        candidates=candidates,
        split=split,
        start=start,
        until=until,
        tune_minutes=minutes,
        cost=cost,
        seed=seed,
    )
    table = read_flights(source, data, map_file)
    with terminal.progress("training") as progress:
        found = train_on(
            table,
            registry=registry,
            now=datetime.now(UTC),
            options=options,
            reports=reports,
            progress=progress,
        )
    if as_json:
        terminal.print_json(found)
    else:
        terminal.print_training(found, reports, registry)


@main.command()
@bundle_option
@source_options
@click.option(
    "--split-test", is_flag=True, help="Score the bundle's own test flights, by the model tested on them."
)
@registry_option
@json_option
@telling_errors
def evaluate(
    which: str | None,
    source: str,
    data: Path | None,
    map_file: Path | None,
    start: datetime | None,
    until: datetime | None,
    split_test: bool,
    registry: str,
    as_json: bool,
) -> None:
    """Score a bundle on flights that it may never have seen; those before --from only feed history."""
    from puntual import terminal
    from puntual.registry import Registry
    from puntual.scoring import score_bundle
    from puntual.sources import read_flights

    bundle = Registry(registry).read(which)
    table = read_flights(source, data, map_file)
    scored = score_bundle(bundle, table, start=start, until=until, split_test=split_test)
    if scored.trained_on:
        terminal.say(
            f"{scored.trained_on:,} of these flights lie in the period that the model was trained on, so the scores "
            "flatter it; give --from a later date, or --split-test"
        )
    if as_json:
        terminal.print_json(terminal.plain_scores(bundle, scored))
    else:
        terminal.print_scores(bundle, scored)


@main.command()
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
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="csv", show_default=True, help="Format of -."
)
@registry_option
@telling_errors
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
    form: str,
    registry: str,
) -> None:
    """Predict how late the flights of FILE will be (- for standard input)."""
    from puntual import terminal
    from puntual.exchange import read_table, write_table
    from puntual.predict import Predictor

    predictor = Predictor.load(registry, which)
    rule = predictor.bundle.manifest.late_rule
    asked = read_table(file, form, source, map_file, rule)
    for note in asked.notes:
        terminal.say(note)
    with terminal.progress("predicting") as progress:
        done = 0

        def count(flights: int) -> None:
            nonlocal done
            done += flights
            progress("flights", done, asked.flights.height)

        said = predictor.predict(
            asked.flights,
            as_of,
            past=None if past is None else read_table(str(past), form, source, map_file, rule).flights,
            timetable_of=None
            if timetable is None
            else read_table(str(timetable), form, source, map_file, rule).flights,
            reasons=reasons,
            progress=count,
        )
    write_table(asked, said, output, form)


@main.group()
def models() -> None:
    """List, show, promote and roll back the bundles of a registry."""


@models.command("list")
@registry_option
@json_option
@telling_errors
def list_models(registry: str, as_json: bool) -> None:
    """List the bundles, newest first; the champion is marked."""
    from puntual import terminal
    from puntual.registry import Registry

    terminal.print_models(Registry(registry).versions(), as_json)


@models.command()
@click.argument("which", metavar="[VERSION|FILE]", required=False)
@registry_option
@json_option
@telling_errors
def show(which: str | None, registry: str, as_json: bool) -> None:
    """Show the card of a bundle, or with --json its manifest [champion]."""
    from puntual import terminal
    from puntual.registry import Registry

    bundle = Registry(registry).read(which)
    if as_json:
        terminal.print_json(bundle.manifest, version=bundle.version)
    else:
        click.echo(bundle.card)


@models.command()
@click.argument("version")
@click.option("--force", is_flag=True, help="Promote past failed checks; the bundle remembers it.")
@registry_option
@json_option
@telling_errors
def promote(version: str, force: bool, registry: str, as_json: bool) -> None:
    """Make VERSION the champion, if it passes the numbered checks."""
    from puntual import terminal
    from puntual.promotion import promote as make_champion
    from puntual.registry import Registry

    stored = Registry(registry)
    promoted = make_champion(stored, stored.resolve(version), datetime.now(UTC), force=force)
    terminal.print_promotion(promoted, as_json)


main.add_command(promote)


@models.command()
@registry_option
@telling_errors
def rollback(registry: str) -> None:
    """Make the former champion the champion again."""
    from puntual.registry import Registry

    click.echo(Registry(registry).rollback(datetime.now(UTC)))


@main.command()
@json_option
def sources(as_json: bool) -> None:
    """Say which sources there are, what each needs, and which are present."""
    from puntual import terminal
    from puntual.sources import SOURCES

    terminal.print_sources(SOURCES, as_json)


@main.command()
@registry_option
@click.option("--reports", type=click.Path(path_type=Path), default=Path("reports"), show_default=True)
@telling_errors
def demo(registry: str, reports: Path) -> None:
    """Train a quick preset on real flights, promote the winner and predict three of them."""
    _wait_quietly()
    from puntual import terminal
    from puntual.demo import run

    with terminal.progress("training") as progress:
        shown = run(registry, reports, datetime.now(UTC), progress)
    terminal.print_demo(shown, reports)


def _wait_quietly() -> None:
    """Have idle threads of the training libraries sleep: spinning, they stall a machine that has other work.

    It holds only if said before those libraries are loaded; what the user has set stands.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


if __name__ == "__main__":
    main()
