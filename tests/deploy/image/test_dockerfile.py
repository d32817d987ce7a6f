"""What the Dockerfile says, read without any container tool."""

import re
import shlex
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[3]


def instructions() -> list[tuple[str, str]]:
    """Give each instruction and its text, comments left out and lines that go on joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\s*\\\n\s*", " ", text).splitlines()
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines if line.strip())]


def stages() -> list[list[tuple[str, str]]]:
    """Give the instructions of each stage, from its FROM on."""
    parted: list[list[tuple[str, str]]] = []
    for word, rest in ALL:
        if word == "FROM":
            parted.append([])
        if parted:
            parted[-1].append((word, rest))
    return parted


ALL = instructions()
BUILD, SCALE_BUILD, SCALE, LAST = stages()


def last(word: str) -> list[str]:
    return [rest for instruction, rest in LAST if instruction == word]


def test_all_stages_stand_on_one_base_that_can_be_pinned_by_digest():
    bases = [rest for word, rest in ALL if word == "FROM"]
    assert bases == ["${PYTHON} AS build", "build AS scale-build", "${PYTHON} AS scale", "${PYTHON}"]
    assert ("ARG", "PYTHON=docker.io/library/python:3.11-slim") in ALL


def test_nothing_is_run_in_the_last_stage_so_no_tool_and_no_setting_of_the_build_stays():
    assert last("RUN") == []
    copied = [shlex.split(rest) for rest in last("COPY")]
    assert all("--from=build" in words for words in copied)
    assert [words[-2] for words in copied] == ["/opt/puntual", "/models", "/root-fs/"]


def test_the_service_runs_as_a_fixed_user_by_number_who_is_not_root():
    assert last("USER") == ["10001:10001"]


def test_it_is_started_without_a_shell_and_told_to_stop_by_sigterm():
    assert last("ENTRYPOINT") == ['["puntual"]']
    assert last("CMD") == ['["serve"]']
    assert last("STOPSIGNAL") == ["SIGTERM"]
    (check,) = last("HEALTHCHECK")
    assert check.endswith('CMD ["puntual", "health"]')


def test_all_that_it_writes_is_the_state_folder():
    assert last("VOLUME") == ["/state"]
    (set_by_image,) = last("ENV")
    settings = dict(word.split("=", 1) for word in shlex.split(set_by_image))
    assert settings["PUNTUAL_STATE"] == "/state"
    assert settings["PYTHONDONTWRITEBYTECODE"] == "1"


def test_the_image_opens_its_door_to_nobody_without_a_key():
    assert "PUNTUAL_AUTH" not in " ".join(last("ENV"))
    assert "--no-auth" not in " ".join(last("CMD") + last("ENTRYPOINT"))


def test_the_whole_lock_of_the_image_is_installed_by_hash_and_nothing_else_is_resolved():
    (installing,) = [rest for word, rest in ALL if word == "RUN" and "requirements/image.txt" in rest]
    calls = [call for call in installing.split(" && ") if "pip" in call and " install " in call]
    assert len(calls) == 2
    assert all("--require-hashes" in call for call in calls)
    (built,) = [rest for word, rest in BUILD if word == "RUN" and "pip wheel" in rest]
    assert built.count("--no-deps") == 2
    assert "--no-build-isolation" in built


def test_the_service_grows_by_nothing_of_what_trains_on_many_machines():
    # A plain build makes the last stage, and that takes from the first alone.
    assert [rest for _, rest in BUILD + LAST if "scale" in rest] == []
    lock = (ROOT / "requirements" / "image.txt").read_text(encoding="utf-8")
    locked = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    assert (
        locked & {"dask", "distributed", "polars", "pandas", "lightgbm", "scikit-learn", "cloudpickle"}
        == set()
    )
    assert len(locked) > 20


def test_what_trains_on_many_machines_is_locked_by_hash_and_built_before_its_last_stage():
    (installing,) = [rest for word, rest in SCALE_BUILD if word == "RUN"]
    fetching, putting_in = (call for call in installing.split(" && ") if "/opt/build/bin/pip" in call)
    assert "--require-hashes" in fetching
    assert "-r requirements/scale.txt" in fetching
    assert "--no-index" in putting_in
    assert [rest for word, rest in SCALE if word == "RUN"] == []
    lock = (ROOT / "requirements" / "scale.txt").read_text(encoding="utf-8")
    assert {"dask", "distributed", "polars", "lightgbm"} <= set(
        re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE)
    )


def test_what_trains_on_many_machines_has_no_rights_either_and_writes_to_the_state_folder_alone():
    settings = {word: rest for word, rest in SCALE if word in ("USER", "VOLUME", "STOPSIGNAL")}
    assert settings == {"USER": "10001:10001", "VOLUME": "/state", "STOPSIGNAL": "SIGTERM"}
    # A run gives the command, so nothing may stand before it.
    assert [rest for word, rest in SCALE if word == "ENTRYPOINT"] == []


def test_labels_say_what_it_is_and_what_it_stands_on():
    (labels,) = last("LABEL")
    named = dict(word.split("=", 1) for word in shlex.split(labels))
    assert named["org.opencontainers.image.licenses"] == "MIT"
    assert named["org.opencontainers.image.base.name"] == "${PYTHON}"


def lets_in(path: str) -> bool:
    """Tell whether .dockerignore lets a file into the build: its last line that fits decides."""
    inside = False
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.removeprefix("!")
        if line and not line.startswith("#") and _fits(path, pattern):
            inside = line.startswith("!")
    return inside


def _fits(path: str, pattern: str) -> bool:
    whole = [path, *(str(parent) for parent in PurePosixPath(path).parents)]
    if pattern.startswith("**/"):
        return any(fnmatch(PurePosixPath(part).name, pattern[3:]) for part in whole)
    depth = pattern.count("/")
    return any(fnmatch(part, pattern) for part in whole if part.count("/") == depth)


@pytest.mark.parametrize(
    "path",
    [
        ".git/config", ".venv/bin/python", ".env", "data/flights.csv", "state/keys.json", "state/journal.db",
        "models/model_to_deploy.pkl", "models/ff815cc2fab45278.pkl", "models/promotions/1.json", "tests/conftest.py",
        "src/puntual/__pycache__/settings.cpython-311.pyc", "deploy/aws/stack.yaml", "reports/index.html",
    ],
)  # fmt: skip
def test_what_is_not_the_services_stays_out_of_the_build(path):
    assert not lets_in(path)


@pytest.mark.parametrize(
    "path",
    [
        "src/puntual/settings.py",
        "requirements/image.txt",
        "requirements/scale.txt",
        "models/ff815cc2fab45278.puntual",
        "LICENSE",
    ],
)
def test_what_the_image_is_made_of_is_let_in(path):
    assert lets_in(path)


def test_whatever_is_copied_into_the_build_is_let_in():
    words = [rest.split() for word, rest in ALL if word == "COPY" and "--from" not in rest]
    sources = [ROOT / name for copied in words for name in copied[:-1]]
    files = {source: [source] if source.is_file() else [*source.glob("**/*.*")] for source in sources}
    let_in = {
        source: [file for file in files[source] if lets_in(file.relative_to(ROOT).as_posix())]
        for source in sources
    }
    assert [source for source in sources if not let_in[source]] == []
