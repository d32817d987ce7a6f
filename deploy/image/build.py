"""Builds the image with docker, podman or buildah, whichever is there, and says what it weighs.

python deploy/image/build.py [--engine podman] [--target scale] [-- ARGUMENTS OF THE BUILD]
"""

import argparse
import json
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = "puntual"
# The service, the last stage of the Dockerfile, and what trains on many machines.
TARGETS = ("", "scale")
# podman and buildah leave a health check out of the format that they write by default.
BUILD = {
    "docker": ("docker", "build"),
    "podman": ("podman", "build", "--format", "docker"),
    "buildah": ("buildah", "build", "--layers", "--format", "docker"),
}
# Each answers when it can build: the client of docker may be there without its daemon.
WORKS = {"docker": ("docker", "info"), "podman": ("podman", "info"), "buildah": ("buildah", "info")}
INSPECT = {
    "docker": ("docker", "image", "inspect", "--format"),
    "podman": ("podman", "image", "inspect", "--format"),
    "buildah": ("buildah", "inspect", "--type", "image", "--format"),
}
_BASE = '{{index %s.Labels "org.opencontainers.image.base.name"}}'
BASE = {"docker": _BASE % ".Config", "podman": _BASE % ".Config", "buildah": _BASE % ".Docker.Config"}


def main() -> None:
    """Read the call, build, and print the image's name and size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default="", help="docker, podman or buildah [the first that works]")
    parser.add_argument(
        "--target", default="", choices=TARGETS, help="scale for what trains on many machines"
    )
    parser.add_argument("arguments", nargs="*", help="passed to the build, after --")
    options = parser.parse_args()
    engine = options.engine or choose(works)
    if engine not in BUILD:
        parser.error(
            f"engine {options.engine!r}: none of {', '.join(BUILD)} can build here; install one, or start its service"
        )
    revision = git_revision()
    words = command(engine, revision, datetime.now(UTC), options.arguments, options.target)
    built = subprocess.run(words, cwd=ROOT, check=False)
    if built.returncode:
        # The engine has printed why.
        raise SystemExit(built.returncode)
    tag = tagged(revision, options.target)
    total, own = weigh(engine, tag)
    print(f"{tag}: {own / 1e6:.0f} MB on top of its base image, {total / 1e6:.0f} MB in all")


def choose(works: Callable[[str], bool]) -> str:
    """Name the first engine that works, or none."""
    return next((engine for engine in BUILD if works(engine)), "")


def works(engine: str) -> bool:
    """Tell whether an engine is there and answers."""
    if shutil.which(engine) is None:
        return False
    return subprocess.run(WORKS[engine], capture_output=True, check=False).returncode == 0


def tagged(revision: str, target: str = "") -> str:
    """Name the image of a commit: the service, or another target of the Dockerfile.

    >>> tagged("abc123"), tagged("abc123", "scale")
    ('puntual:abc123', 'puntual:scale-abc123')
    """
    return f"{NAME}:{target}-{revision}" if target else f"{NAME}:{revision}"


def command(engine: str, revision: str, now: datetime, arguments: list[str], target: str = "") -> list[str]:
    """Write the build's command line; an argument that is given comes after ours, and so wins."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]
    labels = {"revision": revision, "version": version, "created": now.isoformat(timespec="seconds")}
    given = [f"--label=org.opencontainers.image.{name}={value}" for name, value in labels.items()]
    tags = ["--tag", tagged(revision, target), "--tag", f"{NAME}:{target or 'latest'}"]
    wanted = ["--target", target] if target else []
    return [*BUILD[engine], *tags, *wanted, *given, *arguments, "."]


def git_revision() -> str:
    """Name the commit, and whether files differ from it; a copy without its history has none to name."""
    if not (ROOT / ".git").exists():
        return "unknown"
    return _read("git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty")


def weigh(engine: str, image: str) -> tuple[int, int]:
    """Give the bytes of all layers of an image, unpacked, and of those on top of its base image."""
    base = _read(*INSPECT[engine], BASE[engine], image)
    if engine == "docker":
        # BuildKit keeps what it built from to itself.
        subprocess.run(["docker", "pull", "--quiet", base], check=True, capture_output=True)
    total = size(engine, image)
    return total, total - size(engine, base)


def size(engine: str, image: str) -> int:
    """Give the bytes of all layers of an image, unpacked."""
    if engine != "buildah":
        return int(_read(*INSPECT[engine], "{{.Size}}", image))
    number, unit = json.loads(_read("buildah", "images", "--json", image))[0]["size"].split()
    return int(float(number) * {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}[unit.upper()])


def _read(*words: str) -> str:
    return subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    main()
