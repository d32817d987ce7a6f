"""What others wrote lies in one folder, each file as its list says."""

import hashlib
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

VENDOR = Path(str(files("puntual.api.web") / "vendor"))
LIST = VENDOR / "vendor.toml"
PACKAGES = tomllib.loads(LIST.read_text())["package"]


def test_every_file_of_others_is_listed_with_its_digest_and_nothing_else_is() -> None:
    listed = {name: digest for package in PACKAGES for name, digest in package["sha256"].items()}
    there = {
        file.relative_to(VENDOR).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in VENDOR.rglob("*")
        if file.is_file() and file != LIST
    }
    assert there == listed


def test_every_package_of_others_says_its_version_and_brings_its_licence() -> None:
    for package in PACKAGES:
        assert all(package[name] for name in ("name", "version", "license", "source"))
        assert any(name.endswith("/LICENSE") for name in package["sha256"])


@pytest.mark.parametrize(
    ("package", "script", "sign"),
    [
        ("swagger-ui-dist", "swagger-ui/swagger-ui-bundle.js", '"{}"'),
        ("uplot", "uplot/uPlot.esm.js", "uPlot (v{})"),
    ],
)
def test_the_version_that_is_listed_is_that_of_the_script(package: str, script: str, sign: str) -> None:
    (listed,) = (one for one in PACKAGES if one["name"] == package)
    assert sign.format(listed["version"]) in (VENDOR / script).read_text()
