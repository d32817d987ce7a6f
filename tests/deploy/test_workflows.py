"""The workflows are thin, pinned and without rights that they do not need."""

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from deploy.pipeline.__main__ import deploy
from deploy.pipeline.plan import POINTER, SERVICE_PATHS
from puntual.cli import main
from stack_template import read

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.yml"))
}
MOST_LINES = 3
# YAML reads the key `on` as true.
ON: Any = True


def jobs() -> list[Any]:
    return [
        pytest.param(settings, id=f"{name}: {job}")
        for name, workflow in WORKFLOWS.items()
        for job, settings in workflow["jobs"].items()
    ]


def steps() -> list[dict[str, Any]]:
    return [
        step for workflow in WORKFLOWS.values() for job in workflow["jobs"].values() for step in job["steps"]
    ]


def commands() -> list[list[str]]:
    """Give every call of our command lines, as words: the program, then what it is told."""
    lines = [step["run"].replace("\\\n", " ") for step in steps() if "run" in step]
    programs = {".venv/bin/puntual ": "puntual ", ".venv/bin/python -m deploy.pipeline ": "pipeline "}
    calls = [
        line.replace(path, name, 1)
        for text in lines
        for line in text.splitlines()
        for path, name in programs.items()
        if line.startswith(path)
    ]
    assert {call.split()[0] for call in calls} == {"puntual", "pipeline"}
    split = [shlex.split(re.sub(r"\$\{MAP.*?\}|> \S+", "", call)) for call in calls]
    # What runs on many machines is a command of puntual itself.
    return split + [["puntual", *words[words.index("--") + 1 :]] for words in split if "--" in words]


def test_there_are_these_workflows():
    assert set(WORKFLOWS) == {"ci", "deploy", "rollback", "train"}


def test_every_action_is_pinned_by_its_commit_and_says_its_version():
    lines = [
        line for path in FOLDER.glob("*.yml") for line in path.read_text().splitlines() if "uses:" in line
    ]
    assert lines
    assert [
        line for line in lines if not re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)
    ] == []


def test_an_action_is_at_one_version_everywhere():
    actions = {step["uses"] for step in steps() if "uses" in step}
    assert len({one.partition("@")[0] for one in actions}) == len(actions)


def test_no_step_is_longer_than_a_few_lines_and_none_holds_an_expression():
    runs = [step["run"] for step in steps() if "run" in step]
    assert [run for run in runs if len(run.splitlines()) > MOST_LINES] == []
    # What GitHub fills in is given by the environment, where it is no code.
    assert [run for run in runs if "${{" in run] == []


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_has_no_rights_beyond_those_of_its_jobs_and_does_not_run_beside_itself(name):
    assert WORKFLOWS[name]["permissions"] == {}
    assert WORKFLOWS[name]["concurrency"]["group"]


@pytest.mark.parametrize("job", jobs())
def test_a_job_reads_the_code_and_is_known_to_aws_only_where_it_has_to_be(job):
    speaks_to_aws = any("configure-aws-credentials" in step.get("uses", "") for step in job["steps"])
    assert job["permissions"] == {"contents": "read"} | ({"id-token": "write"} if speaks_to_aws else {})
    assert job["timeout-minutes"] <= 180
    (checkout,) = (step for step in job["steps"] if "actions/checkout" in step.get("uses", ""))
    assert checkout["with"]["persist-credentials"] is False


@pytest.mark.parametrize("step", [step for step in steps() if "configure-aws" in step.get("uses", "")])
def test_a_role_comes_first_and_keys_are_there_for_those_who_have_none(step):
    assert re.fullmatch(r"\$\{\{ vars\.AWS_(DEPLOY|TRAIN)_ROLE \}\}", step["with"]["role-to-assume"])
    assert step["with"]["aws-secret-access-key"] == "${{ secrets.AWS_SECRET_ACCESS_KEY }}"


def test_releases_queue_up_and_none_is_cut_off():
    for name in ("deploy", "rollback", "train"):
        assert WORKFLOWS[name]["concurrency"] == {"group": "deploy", "cancel-in-progress": False}


def test_a_push_releases_when_what_is_planned_for_changes():
    push = WORKFLOWS["deploy"][ON]["push"]
    assert push["branches"] == ["main"]
    watched = {path.removesuffix("**") for path in push["paths"]}
    assert watched == {*SERVICE_PATHS, POINTER}


def test_the_python_versions_tested_are_those_that_the_package_names():
    classifiers = re.findall(r"Python :: (3\.\d+)\"", (ROOT / "pyproject.toml").read_text())
    assert WORKFLOWS["ci"]["jobs"]["test"]["strategy"]["matrix"]["python"] == classifiers


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_of_a_workflow_exists_and_takes_these_options(words):
    program, *words = words
    command: click.Command = main if program == "puntual" else deploy
    while isinstance(command, click.Group):
        command = command.commands[words.pop(0)]
    # What the environment gives, any text can stand for; a choice is checked where the workflow offers it.
    choices = {
        option.opts[0]: option.type.choices[0] for option in command.params if hasattr(option.type, "choices")
    } | {option.opts[0]: "1" for option in command.params if isinstance(option.type, click.IntRange)}
    filled = [
        choices.get(before, "text") if word.startswith("$") else word
        for before, word in zip(["", *words], words, strict=False)
    ]
    with command.make_context(command.name, filled):
        pass


def test_every_target_of_a_workflow_is_one_of_make():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {run.split()[1] for step in steps() if (run := step.get("run", "")).startswith("make ")}
    assert targets >= {"check", "test", "image", "sbom", "install-image"}
    assert [
        target for target in targets if not re.search(rf"^(\S+ )*{target}( \S+)*:", makefile, re.MULTILINE)
    ] == []


def test_many_machines_are_used_only_by_who_asks_for_them_and_are_ended_whatever_happens():
    workflow = WORKFLOWS["train"]
    assert workflow[ON]["workflow_dispatch"]["inputs"]["workers"]["default"] == 0
    job = workflow["jobs"]["train"]
    # A schedule gives no inputs.
    assert job["env"]["WORKERS"] == "${{ inputs.workers || 0 }}"
    calls = {
        step["run"].split("deploy.pipeline ")[-1]: step["if"]
        for step in job["steps"]
        if "pipeline" in step.get("run", "")
    }
    begun, ended = (one for one in calls if one.startswith("scale"))
    assert calls[begun] == "env.WORKERS != '0'"
    assert (ended.split()[-2:], calls[ended]) == (["--workers", "0"], "always() && env.WORKERS != '0'")


def test_the_rights_of_a_training_last_as_long_as_it_may():
    job = WORKFLOWS["train"]["jobs"]["train"]
    (signing_in,) = (step["with"] for step in job["steps"] if "role-to-assume" in step.get("with", {}))
    role = read()["Resources"]["TrainRole"]["Properties"]
    assert signing_in["role-duration-seconds"] == role["MaxSessionDuration"] == 60 * job["timeout-minutes"]


def test_the_choices_of_a_person_are_those_of_the_commands():
    for workflow, command in (("deploy", "plan"), ("rollback", "rollback")):
        offered = WORKFLOWS[workflow][ON]["workflow_dispatch"]["inputs"]["what"]["options"]
        (what,) = (one for one in deploy.commands[command].params if one.name == "what")
        assert offered == list(what.type.choices)
