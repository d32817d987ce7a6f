"""A release of the service is whole, or what ran before goes on, and nobody who asks notices."""

import pytest

from deploy.pipeline.aws import Aws
from deploy.pipeline.ecs_release import EcsService
from deploy.pipeline.poller import Poller
from deploy.pipeline.stack import read_stack
from stack_made import BETTER, GOOD, NEVER_READY, WRONG, printed_json

COMMIT = "1" * 40
WITHIN = ("--commit", COMMIT, "--seconds", "60")


def test_a_good_image_is_rolled_out_and_named_by_its_commit(deployed, pipeline):
    before = deployed.running()
    with deployed.asked_all_along() as answers:
        result = pipeline("service", "--image", deployed.image(GOOD), *WITHIN, "--json")
    assert printed_json(result)["previous"] == before
    assert deployed.running() == printed_json(result)["task-definition"] != before
    definition = deployed.cloud.client("ecs").describe_task_definition(taskDefinition=deployed.running())
    (container,) = definition["taskDefinition"]["containerDefinitions"]
    assert container["image"] == deployed.image(GOOD)
    assert container["dockerLabels"] == {"org.opencontainers.image.revision": COMMIT}
    assert set(answers) == {deployed.first}


def test_an_image_that_is_never_ready_is_taken_back_and_the_release_fails(deployed, pipeline):
    before = deployed.running()
    with deployed.asked_all_along() as answers:
        result = pipeline("service", "--image", deployed.image(NEVER_READY), *WITHIN)
    assert result.exit_code == 1
    assert "ECS gave puntual:" in result.output
    assert "tasks failed to start" in result.output
    assert "no such model" in result.output
    assert deployed.running() == before
    assert set(answers) == {deployed.first}


def test_an_image_that_answers_wrong_is_taken_back_and_the_release_fails(deployed, pipeline):
    before = deployed.running()
    options = ("--commit", COMMIT, "--proof-seconds", "3")
    result = pipeline("service", "--image", deployed.image(WRONG), *options)
    assert result.exit_code == 1
    assert "it answered 500" in result.output
    assert "Rolled back" in result.output
    assert deployed.running() == before
    assert pipeline("smoke").exit_code == 0


def test_a_rollout_that_takes_too_long_is_taken_back(deployed, pipeline):
    before = deployed.running()
    options = ("--commit", COMMIT, "--seconds", "0.5")
    result = pipeline("service", "--image", deployed.image(GOOD), *options)
    assert result.exit_code == 1
    assert "was not running after 0 s" in result.output
    assert deployed.running() == before


def test_a_roll_back_skips_the_releases_that_failed(deployed, pipeline):
    before = deployed.running()
    pipeline("service", "--image", deployed.image(BETTER), "--commit", "2" * 40)
    pipeline("service", "--image", deployed.image(NEVER_READY), "--commit", "3" * 40)
    with deployed.asked_all_along() as answers:
        result = pipeline("rollback", "--what", "service", "--json")
    assert printed_json(result) == {"task-definition": before}
    assert deployed.running() == before
    assert set(answers) == {deployed.first}


@pytest.mark.usefixtures("deployed")
def test_a_revision_that_an_update_of_the_stack_registers_with_the_same_image_is_passed_over(
    deployed, pipeline
):
    before = deployed.running()
    pipeline("service", "--image", deployed.image(BETTER), *WITHIN)
    api = deployed.cloud.client("ecs")
    (container,) = api.describe_task_definition(taskDefinition=deployed.running())["taskDefinition"][
        "containerDefinitions"
    ]
    del container["dockerLabels"]
    again = api.register_task_definition(family="puntual", containerDefinitions=[container])["taskDefinition"]
    deployed.update(again["taskDefinitionArn"])
    service = EcsService(Aws(), read_stack(Aws(), "puntual"), Poller(0, 0), lambda _: None)
    assert service.last_revision() == COMMIT
    assert printed_json(pipeline("rollback", "--what", "service", "--json")) == {"task-definition": before}


def test_what_came_before_all_releases_cannot_be_rolled_back(pipeline):
    while (result := pipeline("rollback", "--what", "service")).exit_code == 0:
        pass
    assert "is left to roll back to; release an earlier commit instead" in result.output


def test_a_stack_without_an_image_wants_its_first_task_with_the_first_release(deployed, pipeline):
    deployed.update(deployed.running(), desired=0)
    broken = ("service", "--image", deployed.image(NEVER_READY), *WITHIN)
    assert "Rolled back" in pipeline(*broken).output
    assert deployed.desired() == 0
    printed_json(pipeline("service", "--image", deployed.image(GOOD), *WITHIN, "--json"))
    assert deployed.desired() == 1
