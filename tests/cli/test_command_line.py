"""The command that a card gives is the one that was run, whole."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from puntual.cli import main
from puntual.cli.command_line import command_line


@click.command()
@click.option("--source", required=True)
@click.option("--data", type=click.Path(path_type=Path))
@click.option("--map", "map_file", type=click.Path(path_type=Path))
@click.option("--from", "start", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]))
@click.option("--tune", "minutes", type=float, default=0.0)
@click.option("--no-backtest", is_flag=True)
@click.option("--compare/--no-compare", default=True)
@click.option("--registry", envvar="PUNTUAL_REGISTRY", default="models")
def train(**_: object) -> None:
    """Print the command that this was."""
    click.echo(command_line(click.get_current_context()))


def typed(*words: str, **environment: str) -> str:
    done = CliRunner().invoke(train, words, env=environment, prog_name="train", catch_exceptions=False)
    return done.stdout.strip()


@pytest.mark.parametrize(
    "words",
    [
        "--source table --data flights.csv --map map.toml",
        "--source scl --from 2017-01-01 --tune 2.5 --no-backtest",
        "--source scl --from 2017-01-01T06:30:00 --no-compare",
    ],
)
def test_all_that_was_given_is_in_it(words):
    assert typed(*words.replace("06:30:00", "06:30").split()) == f"puntual train {words}"


def test_a_path_with_a_space_is_quoted():
    assert (
        typed("--source", "scl", "--data", "my flights.csv")
        == "puntual train --source scl --data 'my flights.csv'"
    )


def test_a_default_is_left_out_and_a_setting_is_not():
    assert typed("--source", "scl") == "puntual train --source scl"
    assert (
        typed("--source", "scl", PUNTUAL_REGISTRY="s3://b/m")
        == "puntual train --source scl --registry s3://b/m"
    )


def test_puntual_train_hands_it_on_to_the_training(monkeypatch, tmp_path):
    given = []

    def refuse(*_, options, **__):
        given.append(options.command)
        raise SystemExit(0)

    monkeypatch.setattr("puntual.training.train.train", refuse)
    monkeypatch.setattr("puntual.training.table_in_pieces.read_to_learn", lambda *_, **__: (None, None))
    words = ["train", "--source", "table", "--data", "x.csv", "--map", "m.toml", "--registry", str(tmp_path)]

    CliRunner().invoke(main, words)

    assert given == [f"puntual train --source table --data x.csv --map m.toml --registry {tmp_path}"]
