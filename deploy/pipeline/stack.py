"""What the stack of deploy/aws/stack.yaml says of itself."""

import msgspec

from deploy.pipeline.aws import Aws, translate_aws_errors
from deploy.pipeline.errors import DeployError


class Stack(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The outputs that deploying reads."""

    cluster_name: str
    service_name: str
    task_family: str
    repository_uri: str
    load_balancer_url: str
    registry_url: str


def read_outputs(aws: Aws, name: str) -> dict[str, str]:
    """Read all outputs of a stack; raise DeployError when there is no such stack."""
    with translate_aws_errors(f"stack {name!r}"):
        (described,) = aws.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", ())}


def read_stack(aws: Aws, name: str) -> Stack:
    """Read the outputs that deploying needs; raise DeployError when there is no such stack, or it lacks one."""
    try:
        return msgspec.convert(read_outputs(aws, name), Stack)
    except msgspec.ValidationError as error:
        raise DeployError(
            f"stack {name!r}: {error} among its outputs; apply deploy/aws/stack.yaml to it first"
        ) from error
