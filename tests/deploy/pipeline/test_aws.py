"""What AWS refuses is told with what to do."""

import pytest

from deploy.pipeline import github_output as github
from deploy.pipeline.aws import Aws, translate_aws_errors
from deploy.pipeline.errors import DeployError
from deploy.pipeline.image import open_repository
from deploy.pipeline.stack import read_stack
from stack_made import GOOD, printed_json


def test_the_outputs_of_the_stack_are_shown(deployed, pipeline):
    outputs = printed_json(pipeline("outputs", "--json"))
    assert outputs["LOAD_BALANCER_URL"] == deployed.cloud.balancer_url
    assert outputs["REGISTRY_URL"] == deployed.outputs["RegistryUrl"]
    assert outputs["IMAGE"] == f"example.org/puntual@sha256:{GOOD}"


def test_a_shell_can_take_the_outputs_as_variables(deployed, pipeline):
    line = f"REGISTRY_URL={deployed.outputs['RegistryUrl']}"
    assert line in pipeline("outputs").stdout.splitlines()


@pytest.mark.usefixtures("deployed")
def test_a_stack_that_is_not_there_is_told_and_stands_in_the_summary_of_the_run(
    pipeline, monkeypatch, tmp_path
):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    result = pipeline("outputs", "--stack", "elsewhere")
    assert result.exit_code == 1
    assert "stack 'elsewhere': AWS refused DescribeStacks" in result.output
    assert "AWS refused DescribeStacks" in (tmp_path / "summary").read_text()


def test_a_stack_without_what_is_needed_is_told(deployed):
    body = "{Resources: {Topic: {Type: 'AWS::SNS::Topic'}}}"
    deployed.cloud.client("cloudformation").create_stack(StackName="other", TemplateBody=body)
    with pytest.raises(DeployError, match=r"apply deploy/aws/stack\.yaml to it first"):
        read_stack(Aws(), "other")


@pytest.mark.usefixtures("deployed")
def test_ecr_is_entered_with_the_password_that_aws_gives():
    host = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
    opened = open_repository(Aws(), f"{host}/puntual")
    assert (opened.host, opened.name) == (host, "puntual")
    assert opened.password


def test_without_a_region_or_with_nobody_there_it_is_told(monkeypatch):
    for name in ("AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(DeployError, match="set AWS_DEFAULT_REGION"):
        Aws().client("ecs")


def test_an_error_of_the_connection_is_told():
    from botocore.exceptions import EndpointConnectionError

    with (
        pytest.raises(DeployError, match="service puntual: AWS does not answer"),
        translate_aws_errors("service puntual"),
    ):
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")


def test_an_output_of_several_lines_could_pass_for_others_and_is_refused():
    with pytest.raises(ValueError, match="one line"):
        github.write_outputs({}, {"version": "1\nimage=other"})
