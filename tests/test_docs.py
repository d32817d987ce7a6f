"""The documentation is held to the program: its commands run or parse, and it leaves out no option or error."""

import doctest
import re
import shlex
import tomllib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click
import msgspec
import numpy as np
import polars as pl
import pytest

from deploy.pipeline import errors as deploy_errors
from deploy.pipeline.__main__ import deploy
from experiments_made import few_live_trees
from puntual import errors
from puntual.api.predict.contract import PredictAnswer
from puntual.cli import main
from puntual.evaluation.gate import CHECKS
from puntual.settings import Settings, listed

ROOT = Path(__file__).parents[1]
READMES = [ROOT / "README.md", ROOT / "README.es.md"]
GUIDE = [*sorted((ROOT / "docs" / "guide").glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REPOSITORY = PROJECT["urls"]["Repository"]
PLAIN = {
    "carrier": "airline",
    "number": "flight_number",
    "from": "origin",
    "to": "destination",
    "std": "scheduled_departure",
}


def blocks(page: Path, *languages: str) -> list[str]:
    """Give the fenced blocks of a page in these languages."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [body for language, body in fenced if language in languages]


def command_lines(page: Path) -> list[str]:
    return [command for block in blocks(page, "sh", "console") for command in commands_of(block)]


def commands_of(block: str) -> Iterator[str]:
    """Give the commands of a block, one that goes on over lines as a whole."""
    command = ""
    for line in block.splitlines():
        command += line.removeprefix("$ ") if not command else f"\n{line}"
        if not command.strip() or _goes_on(command):
            continue
        yield command.replace("\\\n", " ").strip()
        command = ""
    assert not command.strip(), f"a command that does not end: {command}"


def _goes_on(command: str) -> bool:
    try:
        shlex.split(command)
    except ValueError:
        return True
    return command.endswith("\\")


def indented_commands(page: Path) -> list[str]:
    return re.findall(r"^    (puntual .+)$", page.read_text(encoding="utf-8"), re.MULTILINE)


COMMANDS = [
    pytest.param(line, id=f"{page.name}: {line}")
    for page in [*READMES, *GUIDE]
    for line in [*command_lines(page), *indented_commands(page)]
]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_documented_command_is_one_that_exists_and_takes_these_options(line):
    program, *words = shlex.split(line)
    if program == "make":
        assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        return
    if program == "curl":
        # tests/api/test_documented.py sends it to a server.
        return
    if words[:2] == ["-m", "deploy.pipeline"]:
        _parse(deploy, words[2:])
        return
    if program == "python":
        _parse(main, [Path(words[0]).stem, *words[1:]])
        assert (ROOT / words[0]).is_file()
        return
    assert program == "puntual"
    _parse(main, words)


def _parse(command: click.Command, words: list[str]) -> None:
    """Parse a command line down to its last subcommand without running it; raise UsageError where it is wrong."""
    if words == ["--version"]:
        return
    if isinstance(command, click.Group):
        _parse(command.commands[words[0]], words[1:])
        return
    with command.make_context(command.name, list(words)):
        pass


def leaves(command: click.Command, name: str = "puntual") -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for word, child in command.commands.items():
            yield from leaves(child, f"{name} {word}")
    else:
        yield name, command


# Which page of the guide is about a command.
PAGES = {
    "train": "train.md",
    "demo": "train.md",
    "sources": "train.md",
    "map": "your-own-table.md",
    "evaluate": "evaluate.md",
    "features": "features.md",
    "events": "as-the-day-unfolds.md",
    "replay": "as-the-day-unfolds.md",
    "predict": "predict.md",
    "export": "other-clients.md",
    "models": "models.md",
    "data": "models.md",
    "serve": "serve.md",
    "health": "image.md",
    "keys": "serve.md",
    "webhook": "serve.md",
    "stress": "../stress.md",
    "-m": "deploy.md",
    "settings": "settings.md",
}


LEAVES = [*leaves(main), *leaves(deploy, "python -m deploy.pipeline")]


@pytest.mark.parametrize(("name", "command"), [pytest.param(*leaf, id=leaf[0]) for leaf in LEAVES])
def test_every_command_and_every_option_of_it_is_in_the_guide(name, command):
    page = (ROOT / "docs" / "guide" / PAGES[name.split()[1]]).read_text(encoding="utf-8")
    assert name in page
    options = [word for option in command.params if isinstance(option, click.Option) for word in option.opts]
    assert [word for word in options if not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", page)] == []


def test_every_error_is_in_the_guide_and_the_guide_names_no_other():
    page = (ROOT / "docs" / "guide" / "errors.md").read_text(encoding="utf-8")
    known = {
        name
        for module in (errors, deploy_errors)
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, errors.PuntualError)
    }
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == known


def test_the_guide_lists_every_setting_with_its_default_and_meaning():
    page = (ROOT / "docs" / "guide" / "settings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(PUNTUAL_\w+)` \|(?: `([^`]*)`)? \| (.+) \|$", page, re.MULTILINE)
    assert rows == [(one.name, one.default, one.meaning) for one in listed(Settings())]


def test_every_check_of_the_gate_is_in_the_guide_by_number_and_name():
    page = (ROOT / "docs" / "guide" / "models.md").read_text(encoding="utf-8")
    stages = dict(re.findall(r"^\| (\d+), ([^|]+?) \|", page, re.MULTILINE))
    assert stages == {str(number): name for number, (name, _) in CHECKS.items()}


def test_both_readmes_hold_the_same_code():
    english, spanish = (blocks(page, "sh", "toml", "python") for page in READMES)
    assert english == spanish
    assert english[0].splitlines() == ["make demo", "make test"]


def test_both_readmes_hold_the_same_sections_and_figures():
    english, spanish = (page.read_text(encoding="utf-8") for page in READMES)
    assert english.count("\n## ") == spanish.count("\n## ")
    assert re.findall(r"\| \.(\d+)", english) == re.findall(r"\| 0,(\d+)", spanish)
    assert re.findall(r"\| \.(\d+)", english)


@pytest.mark.parametrize("page", [*READMES, *GUIDE, *DECISIONS], ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page):
    text = page.read_text(encoding="utf-8")
    links = [page.parent / link for link in re.findall(r"\]\(([^)#:]+)\)", text)]
    links += [ROOT / link for link in re.findall(rf"\]\({re.escape(REPOSITORY)}/blob/main/([^)#]+)\)", text)]
    assert [link for link in links if not link.exists()] == []


def test_the_readme_that_goes_into_the_metadata_has_absolute_links_alone():
    assert PROJECT["readme"] == "README.md"
    links = re.findall(r"\]\(([^)]+)\)", READMES[0].read_text(encoding="utf-8"))
    assert [link for link in links if not link.startswith("https://")] == []
    assert len(links) > 20


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_the_answer_that_the_readmes_show_is_one_of_the_contract(page):
    answer = msgspec.json.decode(blocks(page, "json")[0], type=PredictAnswer)
    (flight,) = answer.predictions
    bands = msgspec.structs.astuple(flight.bands)
    assert sum(bands) == pytest.approx(1)
    assert flight.late_probability == pytest.approx(sum(bands[1:]))
    assert flight.late is (flight.late_probability >= flight.threshold)


@pytest.mark.parametrize("page", GUIDE, ids=lambda page: page.name)
def test_the_examples_of_the_guide_give_what_they_say(page):
    failed, _ = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert failed == 0


def test_decisions_are_numbered_one_after_another():
    numbers = [int(page.name[:4]) for page in DECISIONS]
    assert numbers == list(range(1, len(numbers) + 1))
    titles = [page.read_text(encoding="utf-8").splitlines()[0] for page in DECISIONS]
    assert [
        title for title, number in zip(titles, numbers, strict=True) if not title.startswith(f"# {number}. ")
    ] == []


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """Lay out what a reader of the README has: the map as printed there, a table and tomorrow's flights."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "map.toml").write_text(readme_map(), encoding="utf-8")
    table = made_table()
    table.write_csv(folder / "flights.csv")
    table.tail(24).select(*PLAIN).rename(PLAIN).write_csv(folder / "tomorrow.csv")
    return folder


def readme_map() -> str:
    return blocks(READMES[0], "toml")[0]


def made_table(days: int = 90, per_day: int = 24, first: datetime = datetime(2024, 1, 1, 5)) -> pl.DataFrame:
    """Make flights under the README's column names; evenings and some airlines are late more often."""
    chance = np.random.default_rng(0)
    slot, day = np.tile(np.arange(per_day), days), np.repeat(np.arange(days), per_day)
    airline = (slot * 5 + slot // 4) % 4
    log_odds = -1.3 + np.array([-1.2, 1.1, -0.6, 0.5])[airline] + 2.2 * (slot / (per_day - 1) - 0.5)
    late = chance.random(len(slot)) < 1 / (1 + np.exp(-log_odds))
    minutes = np.where(late, 16 + chance.exponential(50, len(slot)), chance.integers(-5, 14, len(slot)))
    scheduled = pl.Series(np.datetime64(first, "us") + _minutes(day * 1440 + slot * 45))
    columns = {
        "carrier": np.array(["AA", "B6", "DL", "UA"])[airline],
        "number": (100 + slot).astype(str),
        "from": np.where(slot % 2, "JFK", "EWR"),
        "to": np.array(["BOS", "LAX", "MIA"])[slot % 3],
        "std": scheduled,
        "atd": scheduled + pl.Series(_minutes(minutes)),
        "cancelled": np.full(len(slot), "no"),
    }
    return pl.DataFrame(columns).with_columns(pl.col("std", "atd").dt.strftime("%Y-%m-%d %H:%M"))


def _minutes(count: np.ndarray) -> np.ndarray:
    return count.astype(int) * np.timedelta64(60_000_000, "us")


def test_the_python_example_of_the_readme_runs(workplace, monkeypatch, capsys):
    monkeypatch.chdir(workplace)
    with few_live_trees():
        exec(compile(blocks(READMES[0], "python")[0], "README.md", "exec"), {})
    assert "late_probability" in capsys.readouterr().out
