"""How `make image` builds: with which engine, what it is told, and what is left out and baked in."""

from datetime import UTC, datetime

import pytest

from deploy.image import bake, build, slim
from puntual.errors import RegistryError
from puntual.registry import Registry, TrustedKeys
from puntual.registry.signing import make_key

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        ({"docker", "podman", "buildah"}, "docker"),
        ({"buildah", "podman"}, "podman"),
        ({"buildah"}, "buildah"),
        (set(), ""),
    ],
)
def test_the_first_engine_that_answers_builds(there, chosen):
    assert build.choose(there.__contains__) == chosen


def test_the_image_is_tagged_and_labelled_with_the_commit():
    words = build.command("docker", "abc123", NOW, [])
    assert words[:2] == ["docker", "build"]
    assert "puntual:abc123" in words
    assert "--label=org.opencontainers.image.revision=abc123" in words
    assert "--label=org.opencontainers.image.created=2026-01-02T03:04:05+00:00" in words


def test_what_trains_on_many_machines_is_another_target_under_another_name():
    words = build.command("docker", "abc123", NOW, [], "scale")
    assert words[words.index("--target") + 1] == "scale"
    assert [words[place + 1] for place, word in enumerate(words) if word == "--tag"] == [
        "puntual:scale-abc123",
        "puntual:scale",
    ]
    assert "--target" not in build.command("docker", "abc123", NOW, [])


@pytest.mark.parametrize("engine", ["podman", "buildah"])
def test_a_format_that_knows_health_checks_is_asked_for(engine):
    words = build.command(engine, "abc123", NOW, [])
    assert words[words.index("--format") + 1] == "docker"


def test_what_the_caller_gives_comes_last_and_so_wins():
    words = build.command("docker", "abc123", NOW, ["--build-arg", "MODEL=models"])
    assert words[-3:] == ["--build-arg", "MODEL=models", "."]


def test_the_champion_alone_is_baked_in_with_its_name(made_bundle, tmp_path):
    registry = Registry(tmp_path / "models")
    version = registry.publish(made_bundle, b"estimator")
    registry.set_champion(version, NOW, previous=None)
    assert bake.bake(str(tmp_path / "models"), tmp_path / "baked") == version
    baked = tmp_path / "baked"
    assert sorted(path.name for path in baked.iterdir()) == [f"{version}.puntual", "model_to_deploy"]
    assert Registry(baked).read().version == version


def test_the_signatures_of_the_champion_are_baked_in_with_it(made_bundle, tmp_path):
    registry, (private, public) = Registry(tmp_path / "models"), make_key()
    version = registry.publish(made_bundle)
    registry.sign(version, private)
    registry.set_champion(version, NOW, previous=None)
    bake.bake(registry.url, tmp_path / "baked")
    assert Registry(tmp_path / "baked", trusted=TrustedKeys([public])).read().version == version


def test_without_a_registry_the_image_holds_no_model(tmp_path):
    assert bake.bake("", tmp_path / "baked") is None
    assert list((tmp_path / "baked").iterdir()) == []


def test_a_registry_without_a_champion_bakes_nothing_and_says_so(tmp_path):
    (tmp_path / "models").mkdir()
    with pytest.raises(RegistryError, match="no champion yet"):
        bake.bake(str(tmp_path / "models"), tmp_path / "baked")


def test_what_is_left_out_is_counted_and_the_rest_stays(tmp_path):
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    left = ["botocore/data/ec2/api.json", "numpy/lib/tests/test_io.py", "numpy/lib/io.pyi",
            "faker/providers/person/es_CL/__init__.py", "onnxruntime/tools/a.py"]  # fmt: skip
    kept = ["botocore/data/s3/api.json", "botocore/data/endpoints.json", "numpy/testing/__init__.py",
            "faker/providers/person/en_US/__init__.py", "numpy-2.dist-info/METADATA"]  # fmt: skip
    for name in left + kept:
        (packages / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).write_bytes(b"1234")
    freed = slim.slim(tmp_path)
    assert sum(freed.values()) == 4 * len(left)
    assert sorted(
        str(path.relative_to(packages)) for path in packages.rglob("*") if path.is_file()
    ) == sorted(kept)
