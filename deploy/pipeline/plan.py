"""What there is to deploy: what a push changed, and what an earlier push left behind."""

import re
import subprocess
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from deploy.pipeline.errors import DeployError

POINTER = "models/model_to_deploy"
# What goes into the image; a folder ends in a slash.
SERVICE_PATHS = (
    ".dockerignore",
    "Dockerfile",
    "deploy/image/",
    "pyproject.toml",
    "requirements/build.txt",
    "requirements/image.txt",
    "src/",
    "stress/",
)
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Plan:
    """Whether the image, the model or both are to be released."""

    service: bool
    model: bool


def plan(folder: Path, *, before: str, released: str, champions: Container[str], head: str = "HEAD") -> Plan:
    """Say what the commit `head` of a clone brings; raise DeployError where the folder is no clone.

    `before` is the commit before the push, `released` the last one of which an image was released, well or ill, and
    `champions` the versions that have been champion. The last two are there because GitHub drops a run that waits
    when another push comes: what it would have released is released now. What was tried and rolled back is not tried
    again. A commit that this clone does not know, as after a forced push, means a new image.
    """
    version = _committed(folder, head)
    return Plan(
        service=any(_brings_service(folder, commit, head) for commit in {before, released} if commit)
        or not released,
        model=version is not None
        and (version not in champions or POINTER in (_changed(folder, before, head) or ())),
    )


def _brings_service(folder: Path, since: str, head: str) -> bool:
    changed = _changed(folder, since, head)
    return changed is None or any(_is_service(path) for path in changed)


def _changed(folder: Path, since: str, head: str) -> set[str] | None:
    """Give the paths that differ between two commits, or None when the first is not known here."""
    if not _COMMIT.fullmatch(since) or _run(folder, "cat-file", "-e", f"{since}^{{commit}}").returncode:
        return None
    return set(_git(folder, "diff", "--name-only", "--no-renames", "-z", since, head).split("\0")) - {""}


def _is_service(path: str) -> bool:
    return any(path == part or (part.endswith("/") and path.startswith(part)) for part in SERVICE_PATHS)


def _committed(folder: Path, head: str) -> str | None:
    """Give the version that a commit wants deployed, if it wants one."""
    if not _git(folder, "ls-tree", "--name-only", head, "--", POINTER):
        return None
    return _git(folder, "show", f"{head}:{POINTER}").partition(" ")[0].strip()


def _git(folder: Path, *words: str) -> str:
    result = _run(folder, *words)
    if result.returncode:
        raise DeployError(
            f"{folder}: git {words[0]} failed ({result.stderr.strip()}); run it in a clone with its history"
        )
    return result.stdout


def _run(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
