"""The stacks on an endpoint that stands in for AWS."""

from collections.abc import Mapping
from pathlib import Path

import botocore.session

TEMPLATE = Path(__file__).parents[1] / "aws" / "stack.yaml"
SCALE = TEMPLATE.with_name("scale.yaml")
REGION = "us-east-1"


def create(
    endpoint: str, name: str, parameters: Mapping[str, str], template: Path = TEMPLATE
) -> dict[str, str]:
    """Create a stack at an endpoint (`http://127.0.0.1:PORT`), wait until it stands, and give its outputs.

    Raise botocore's WaiterError where it does not come to stand.
    """
    session = botocore.session.get_session()
    # Whoever stands in asks for credentials, and takes any.
    session.set_credentials("rehearsal", "rehearsal")
    client = session.create_client("cloudformation", region_name=REGION, endpoint_url=endpoint)
    client.create_stack(
        StackName=name,
        TemplateBody=template.read_text(encoding="utf-8"),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    client.get_waiter("stack_create_complete").wait(StackName=name)
    (stack,) = client.describe_stacks(StackName=name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
