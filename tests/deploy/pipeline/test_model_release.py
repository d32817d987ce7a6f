"""A model is released by what a user commits: its version and the digest of its file."""

from datetime import UTC, datetime

import pytest

from deploy.pipeline.errors import DeployError
from deploy.pipeline.model_release import read_wanted, release
from deploy.pipeline.poller import Poller
from deploy.pipeline.smoke_test import SmokeTest
from puntual.errors import RegistryError
from stack_made import printed_json


def test_the_committed_bundle_becomes_the_champion_and_answers(deployed, pipeline, tmp_path):
    pointer = deployed.pointer(deployed.second, tmp_path)
    before = deployed.running()
    with deployed.asked_all_along() as answers:
        result = pipeline("model", "--pointer", pointer, "--json")
    assert printed_json(result) == {"version": deployed.second, "previous": deployed.first}
    assert deployed.running() == before
    assert set(answers) == {deployed.first, deployed.second}
    assert answers[-1] == deployed.second


def test_a_release_may_be_repeated(deployed, pipeline, tmp_path):
    pointer = deployed.pointer(deployed.second, tmp_path)
    pipeline("model", "--pointer", pointer)
    result = pipeline("model", "--pointer", pointer, "--json")
    assert printed_json(result) == {"version": deployed.second, "previous": deployed.second}


def test_a_roll_back_brings_the_former_champion_back(deployed, pipeline, tmp_path):
    pipeline("model", "--pointer", deployed.pointer(deployed.second, tmp_path))
    with deployed.asked_all_along() as answers:
        result = pipeline("rollback", "--what", "model", "--json")
    assert printed_json(result) == {"version": deployed.first}
    assert deployed.registry.champion() == answers[-1] == deployed.first


def test_a_bundle_that_does_not_answer_in_time_is_taken_back(deployed, pipeline, tmp_path):
    # No task looks at the bucket within no time at all.
    pointer = deployed.pointer(deployed.second, tmp_path)
    champion = deployed.registry.champion()
    assert champion == deployed.first
    result = pipeline("model", "--pointer", pointer, "--proof-seconds", "0")
    assert result.exit_code == 1
    assert "not 12 good answers in a row" in result.output
    assert deployed.registry.champion() == deployed.first


def test_what_was_put_back_must_answer_too(deployed, tmp_path):
    wanted = read_wanted(deployed.pointer(deployed.second, tmp_path))

    proved = []

    class Refuses:
        def run(self, version: str) -> None:
            proved.append(version)
            if version == deployed.second:
                raise DeployError("it answers with errors")

    with pytest.raises(DeployError, match=f"with errors. Rolled back: {deployed.first} answers as before"):
        release(deployed.registry, wanted, Refuses(), lambda _: None)
    assert proved == [deployed.second, deployed.first]
    assert deployed.registry.champion() == deployed.first


def test_the_champion_of_another_deployer_is_left_alone(deployed, tmp_path):
    wanted = read_wanted(deployed.pointer(deployed.second, tmp_path))
    registry = deployed.registry

    def tell(_: str) -> None:
        # Between the look at the champion and the swap.
        if registry.champion() == deployed.first:
            registry.set_champion(deployed.second, datetime.now(UTC), previous=deployed.first)

    with pytest.raises(RegistryError, match="someone deployed meanwhile"):
        release(registry, wanted, SmokeTest(deployed.cloud.balancer_url, None, Poller(0, 0)), tell)
    assert registry.champion() == deployed.second
    registry.rollback(datetime.now(UTC))


@pytest.mark.usefixtures("deployed")
def test_a_bundle_that_is_not_in_the_bucket_is_told_with_how_to_push_it(pipeline, tmp_path):
    pointer = tmp_path / "model_to_deploy"
    pointer.write_text(f"{'0' * 16} sha256:{'0' * 64}\n")
    result = pipeline("model", "--pointer", pointer)
    assert result.exit_code == 1
    assert "'0000000000000000' is not in registry s3://" in result.output


def test_a_bundle_with_another_digest_than_the_commit_names_is_refused(deployed, pipeline, tmp_path):
    pointer = tmp_path / "model_to_deploy"
    pointer.write_text(f"{deployed.second} sha256:{'0' * 64}\n")
    result = pipeline("model", "--pointer", pointer)
    assert result.exit_code == 1
    assert "push version" in result.output
    assert deployed.registry.champion() == deployed.first


@pytest.mark.parametrize("text", ["", "0123456789abcdef\n", "0123456789abcdef sha256:00\n"])
def test_a_pointer_without_version_and_digest_is_refused(tmp_path, text):
    pointer = tmp_path / "model_to_deploy"
    pointer.write_text(text)
    with pytest.raises((DeployError, RegistryError), match=r"expected a version|without its digest"):
        read_wanted(pointer)


def test_a_pointer_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DeployError, match="cannot be read"):
        read_wanted(tmp_path / "model_to_deploy")
