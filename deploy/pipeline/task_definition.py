"""Task definitions of ECS: read, and registered again with another image."""

from typing import Any

from deploy.pipeline.aws import translate_aws_errors
from deploy.pipeline.errors import DeployError


def read_definition(ecs: Any, name: str) -> dict[str, Any]:
    """Read a task definition, by ARN or, for the newest of them, by family."""
    with translate_aws_errors(short_name(name)):
        definition: dict[str, Any] = ecs.describe_task_definition(taskDefinition=name)["taskDefinition"]
    return definition


def container_of(definition: dict[str, Any], name: str) -> dict[str, Any]:
    """Find the container of this name; raise DeployError when there is none."""
    for container in definition["containerDefinitions"]:
        if container["name"] == name:
            own: dict[str, Any] = container
            return own
    names = ", ".join(container["name"] for container in definition["containerDefinitions"])
    raise DeployError(
        f"{short_name(definition['taskDefinitionArn'])} has no container {name!r}, only {names}; "
        "take the task definition of deploy/aws/stack.yaml or scale.yaml"
    )


def register(ecs: Any, definition: dict[str, Any]) -> str:
    """Register a definition as it was read and then changed, and give the ARN of the new revision."""
    # What ECS says of a definition and does not take, such as its status, stays behind.
    model = ecs.meta.service_model.operation_model("RegisterTaskDefinition").input_shape
    kept = {name: value for name, value in definition.items() if name in model.members}
    with translate_aws_errors(f"task definition {definition['family']}"):
        arn: str = ecs.register_task_definition(**kept)["taskDefinition"]["taskDefinitionArn"]
    return arn


def short_name(arn: str) -> str:
    """Write an ARN as family:revision."""
    return arn.rpartition("/")[2]
