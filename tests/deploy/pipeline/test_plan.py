"""What a push brings, told by real commits."""

import subprocess
from pathlib import Path

import pytest

from deploy.pipeline.errors import DeployError
from deploy.pipeline.plan import Plan, plan
from stack_made import printed_json

FIRST, SECOND = "1" * 16, "2" * 16
POINTER = "models/model_to_deploy"


class Clone:
    """A repository to commit to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._git("init", "--quiet", "--initial-branch=main")

    def commit(self, **files: str) -> str:
        """Write files, their names with __ for a slash and _dot_ for a dot, and commit them."""
        for name, text in files.items():
            path = self.folder / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self._git("add", "--all")
        self._git(
            "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qm", "Change", "--allow-empty"
        )
        return self._git("rev-parse", "HEAD")

    def _git(self, *words: str) -> str:
        command = ["git", "-C", str(self.folder), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def pointer(version: str) -> dict[str, str]:
    return {"models__model_to_deploy": f"{version} sha256:{'0' * 64}\n"}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"src__puntual__gate_dot_py": "pass"}, Plan(service=True, model=False)),
        ({"Dockerfile": "FROM scratch"}, Plan(service=True, model=False)),
        ({"requirements__image_dot_txt": "numpy"}, Plan(service=True, model=False)),
        (pointer(SECOND), Plan(service=False, model=True)),
        (pointer(SECOND) | {"pyproject_dot_toml": "[project]"}, Plan(service=True, model=True)),
        (
            {"README_dot_md": "# Puntual", "requirements__test_dot_txt": "pytest"},
            Plan(service=False, model=False),
        ),
        ({"srcs": "not the folder"}, Plan(service=False, model=False)),
    ],
)
def test_a_push_brings_what_it_changed(clone, changed, expected):
    before = clone.commit(**pointer(FIRST), README_dot_md="# Before")
    clone.commit(**changed)
    assert plan(clone.folder, before=before, released=before, champions={FIRST}) == expected


def test_a_file_that_was_removed_or_moved_away_is_a_change(clone):
    before = clone.commit(src__a_dot_py="pass" * 100, README_dot_md="#")
    (clone.folder / "src" / "a.py").rename(clone.folder / "a.py")
    clone.commit()
    assert plan(clone.folder, before=before, released=before, champions=()).service


def test_what_a_push_in_between_changed_is_released_with_the_next(clone):
    released = clone.commit(**pointer(FIRST))
    clone.commit(src__a_dot_py="pass", **pointer(SECOND))
    before = clone.commit(README_dot_md="#")
    clone.commit(README_dot_md="# Puntual")
    assert plan(clone.folder, before=before, released=released, champions={FIRST}) == Plan(
        service=True, model=True
    )


def test_a_model_that_was_rolled_back_is_not_tried_again_by_another_push(clone):
    before = clone.commit(**pointer(SECOND))
    clone.commit(src__a_dot_py="pass")
    planned = plan(clone.folder, before=before, released=before, champions={FIRST, SECOND})
    assert planned == Plan(service=True, model=False)


def test_a_pointer_that_goes_back_to_a_former_champion_is_released(clone):
    clone.commit(**pointer(FIRST))
    before = clone.commit(**pointer(SECOND))
    clone.commit(**pointer(FIRST))
    assert plan(clone.folder, before=before, released=before, champions={FIRST, SECOND}).model


@pytest.mark.parametrize("unknown", ["0" * 40, "f" * 40, "--output=x"])
def test_a_commit_that_is_not_known_here_means_a_new_image(clone, unknown):
    head = clone.commit(src__a_dot_py="pass")
    assert plan(clone.folder, before=unknown, released=head, champions=()) == Plan(service=True, model=False)


def test_before_the_first_release_there_is_an_image_to_release(clone):
    head = clone.commit(README_dot_md="#")
    assert plan(clone.folder, before=head, released="", champions=()).service


def test_a_folder_that_is_no_clone_is_told(tmp_path):
    with pytest.raises(DeployError, match="run it in a clone with its history"):
        plan(tmp_path, before="", released="", champions=())


def test_the_last_commit_that_was_rolled_out_counts_even_if_it_failed(
    deployed, pipeline, clone, monkeypatch, tmp_path
):
    clone.commit(README_dot_md="#")
    tried = clone.commit(src__a_dot_py="pass")
    pipeline("service", "--image", deployed.image("b" * 64), "--commit", tried)
    monkeypatch.chdir(clone.folder)
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    result = pipeline("plan", "--before", tried, "--json")
    assert printed_json(result) == {"service": False, "model": False}
    assert (tmp_path / "output").read_text() == "service=false\nmodel=false\n"


@pytest.mark.parametrize(
    ("what", "expected"), [("service", (True, False)), ("model", (False, True)), ("both", (True, True))]
)
def test_a_person_may_say_what_to_release(pipeline, what, expected):
    service, model = expected
    assert printed_json(pipeline("plan", "--what", what, "--json")) == {"service": service, "model": model}
