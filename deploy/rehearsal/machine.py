"""What this machine has and wants: tools, a base image, and settings that a build needs to reach the network."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from deploy.rehearsal.hardened import HardeningError

# Command, and the Debian package that has it.
TOOLS = {
    "git": "git",
    "make": "make",
    "podman": "podman",
    "runc": "runc",
    "docker-registry": "docker-registry",
}
BASE = "docker.io/library/python:3.11-slim"
STAND_IN = "localhost/puntual-base:stand-in"
_SECONDS_TO_PULL = 60
# The libraries that CPython's own modules are linked with.
_LIBRARIES = (
    "ca-certificates,netbase,tzdata,libssl3,libffi8,libsqlite3-0,zlib1g,libbz2-1.0,liblzma5,libreadline8,"
    "libncursesw6,libuuid1,libexpat1,libgdbm6"
)
_LEFT_OUT = ("site-packages", "test", "idlelib", "tkinter", "__pycache__", "config-*")


def require_tools(*, stand_in: bool, unneeded: frozenset[str] = frozenset()) -> None:
    """Raise HardeningError naming all that is missing here at once, with one command that installs it."""
    missing = [
        package
        for command, package in TOOLS.items()
        if command not in unneeded and shutil.which(command) is None
    ]
    if _lacks_base(stand_in=stand_in) and shutil.which("debootstrap") is None:
        missing.append("debootstrap")
    wanted = []
    if missing:
        install = f"apt-get update && apt-get install --no-install-recommends {' '.join(missing)}"
        wanted.append(f"{len(missing)} of its tools are not installed; as root: {install}")
    if os.geteuid() != 0:
        wanted.append("only root can limit containers as in earnest; as root: make rehearse")
    if wanted:
        raise HardeningError("; ".join(wanted))


def _lacks_base(*, stand_in: bool) -> bool:
    """Tell whether the base image has to be made up; without podman nobody can look, and it counts as lacking."""
    if shutil.which("podman") is None:
        return True
    return not (_here(STAND_IN) or (not stand_in and (_here(BASE) or _pulled(BASE))))


def find_base(*, stand_in: bool) -> str:
    """Give the base image to build on: the real one if it is here or can be pulled, else one of Debian's packages."""
    if not stand_in and (_here(BASE) or _pulled(BASE)):
        return BASE
    if not _here(STAND_IN):
        make_stand_in()
    return STAND_IN


def make_stand_in() -> None:
    """Make a base image of debootstrap's Debian and the Python that runs this."""
    with tempfile.TemporaryDirectory(prefix="puntual-base-") as folder:
        root = Path(folder) / "root"
        release = _output_of("sh", "-c", ". /etc/os-release && echo $VERSION_CODENAME")
        _run("debootstrap", "--variant=minbase", f"--include={_LIBRARIES}", release, str(root), _mirror())
        _copy_python(root)
        for name in ("var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/doc", "usr/share/man"):
            for file in (root / name).rglob("*"):
                if file.is_file() or file.is_symlink():
                    file.unlink()
        # Where packages come from here is nobody else's business.
        (root / "etc/apt/sources.list").write_text("")
        archive = Path(folder) / "root.tar"
        _run("tar", "--directory", str(root), "--create", "--file", str(archive), ".")
        path = "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
        _run(
            "podman", "import", "--quiet", "--change", path, "--change", "CMD python3", str(archive), STAND_IN
        )


def build_arguments(base: str) -> str:
    """Write what `make image` passes on to the build here: the base image, and this machine's way to the network.

    Settings of pip and apt, and certificates, are mounted while the image is built and stay outside it.
    """
    words = ["--network", "host", "--build-arg", f"PYTHON={base}"]
    mounted = {*_pip_files(), *_certificates(), *(_apt_files() if base == STAND_IN else ())}
    for path in sorted(mounted):
        words += ["--volume", f"{path}:{_inside(path)}:ro"]
    for name, value in sorted(os.environ.items()):
        if name.startswith("PIP_"):
            words += ["--env", f"{name}={value}"]
    return shlex.join(words)


def _copy_python(root: Path) -> None:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    prefix, local = Path(sys.base_prefix), root / "usr/local"
    (local / "bin").mkdir(parents=True, exist_ok=True)
    shutil.copy2(prefix / "bin" / version, local / "bin" / version)
    shutil.copytree(
        prefix / "lib" / version,
        local / "lib" / version,
        symlinks=True,
        ignore=shutil.ignore_patterns(*_LEFT_OUT),
    )
    for library in (prefix / "lib").glob("libpython*.so*"):
        shutil.copy2(library, local / "lib" / library.name)
    for name in ("python3", "python"):
        (local / "bin" / name).symlink_to(version)
    _run("chroot", str(root), "/sbin/ldconfig")
    _run("chroot", str(root), "/usr/local/bin/python3", "-m", "ensurepip")


def _mirror() -> str:
    """Give the address of the archive that apt uses here."""
    addresses = _output_of(
        "apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"
    ).splitlines()
    return next(line for line in addresses if "security" not in line)


def _here(image: str) -> bool:
    return subprocess.run(["podman", "image", "exists", image], check=False).returncode == 0


def _pulled(image: str) -> bool:
    command = ["podman", "pull", "--quiet", image]
    try:
        return not subprocess.run(
            command, capture_output=True, check=False, timeout=_SECONDS_TO_PULL
        ).returncode
    except subprocess.TimeoutExpired:
        return False


def _pip_files() -> set[str]:
    """Find the settings of pip that exist, and the files and folders of this machine that they name."""
    configuration = _output_of(sys.executable, "-m", "pip", "config", "debug")
    files = re.findall(r"^\s+(/.+), exists: True$", configuration, re.MULTILINE)
    texts = [Path(file).read_text(encoding="utf-8") for file in files]
    texts += [value for name, value in os.environ.items() if name.startswith("PIP_")]
    named = re.findall(r"(?:^|[\s=]|file://)(/[^\s:]+)", "\n".join(texts), re.MULTILINE)
    return {
        path for path in [*files, *(name.removesuffix("/simple") for name in named)] if Path(path).exists()
    }


def _certificates() -> set[str]:
    named = (os.environ.get(name, "") for name in ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"))
    return {path for path in named if path and Path(path).is_file()}


def _apt_files() -> set[str]:
    paths = ("/etc/apt/sources.list", "/etc/apt/sources.list.d", "/usr/share/keyrings")
    return {path for path in paths if Path(path).exists()}


def _inside(path: str) -> str:
    """Give the place in a build, which runs as root, of a file of whoever builds."""
    home = str(Path.home())
    return "/root" + path.removeprefix(home) if path.startswith(home + "/") else path


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HardeningError(f"{shlex.join(command[:3])} …: {(done.stderr or done.stdout).strip()[-800:]}")


def _output_of(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
