"""The runbook is held to the program, the workflows, the stack and make."""

import re
import shlex
from pathlib import Path

import click
import pytest
import yaml

from deploy.pipeline.__main__ import deploy
from puntual.cli import main
from stack_template import read

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
PROGRAMS = r"\b(?:puntual|python -m deploy\.pipeline)"
CALLS = [call.strip() for block in BLOCKS for call in re.findall(PROGRAMS + r" [a-z][^|)\n&]*", block)]
CALLS = [call for call in CALLS if not call.startswith("puntual --")]


@pytest.mark.parametrize("call", CALLS)
def test_every_command_of_the_runbook_exists_and_takes_these_options(call):
    # What a shell would fill in, any text can stand for.
    words = shlex.split(re.sub(r'"?\$\(.*|"\$\w+"', "text", call))[1:]
    command: click.Command = main
    if words[:2] == ["-m", "deploy.pipeline"]:
        command, words = deploy, words[2:]
    while isinstance(command, click.Group):
        command = command.commands[words.pop(0)]
    with command.make_context(command.name, words):
        pass


def test_the_commands_are_found():
    assert {"python -m deploy.pipeline outputs", "puntual keys export", "puntual keys create github"} <= set(
        CALLS
    )


def test_the_first_deploy_takes_at_most_ten_commands():
    first = PAGE.partition("## First deploy")[2].partition("\n## ")[0]
    (block,) = re.findall(r"^```sh\n(.*?)^```", first, re.MULTILINE | re.DOTALL)
    assert len(block.splitlines()) <= 10


def test_the_parameters_and_outputs_that_it_names_are_those_of_the_stack():
    template = read()
    given = re.findall(r"--parameter-overrides (\w+)=", PAGE)
    named = re.findall(r"`(CertificateArn|DomainName|DesiredTasks|Nat)\b", PAGE)
    assert {*given, *named} <= set(template["Parameters"])
    outputs = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper() for name in template["Outputs"]}
    assert set(re.findall(r"\$([A-Z_]+)\b", PAGE)) <= outputs | {"IMAGE", "AWS_DEFAULT_REGION"}


def test_the_workflows_and_variables_that_it_names_are_there():
    texts = {
        path.name: path.read_text(encoding="utf-8") for path in (ROOT / ".github/workflows").glob("*.yml")
    }
    for name, what in re.findall(r"gh workflow run (\S+) -f what=(\w+)", PAGE):
        assert what in yaml.safe_load(texts[name])[True]["workflow_dispatch"]["inputs"]["what"]["options"]
    for name in re.findall(r"gh secret set (\w+)", PAGE):
        assert any(f"secrets.{name} " in text for text in texts.values())
    for name in re.findall(r'"((?:AWS|PUNTUAL)_\w+)=', PAGE):
        assert any(f"vars.{name} " in text for text in texts.values())


def test_its_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#:]+)", PAGE)
    assert [link for link in links if not (ROOT / "deploy" / link).exists()] == []
