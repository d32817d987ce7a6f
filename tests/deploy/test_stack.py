"""The stack as a whole: sent, explained, and applied by an endpoint like AWS.

moto drops most of what makes it safe (the circuit breaker, public-access blocks, bucket policies), so the other
tests of the stack ask its template.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from moto.server import ThreadedMotoServer

from deploy.rehearsal.stack import REGION, TEMPLATE, create
from stack_template import Template, read


@pytest.fixture
def stack() -> Template:
    return read()


def test_the_template_is_small_enough_to_be_sent_as_it_is() -> None:
    assert len(TEMPLATE.read_bytes()) <= 51_200


def test_every_suppressed_check_says_why(stack: Template) -> None:
    skipped = [
        one
        for resource in stack["Resources"].values()
        for one in resource.get("Metadata", {}).get("checkov", {}).get("skip", [])
    ]
    assert skipped
    assert [one["id"] for one in skipped if len(one["comment"]) < 40] == []


def test_the_readme_explains_every_parameter_with_its_default_and_every_output(stack: Template) -> None:
    page = (TEMPLATE.parent / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \|(?: `([^`]*)`)? \|", page, re.MULTILINE))
    assert {name: rows.get(name) for name in stack["Parameters"]} == {
        name: str(one.get("Default", "")) for name, one in stack["Parameters"].items()
    }
    assert [name for name in stack["Outputs"] if f"`{name}`" not in page] == []


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


PUBLIC_KEY, OTHER_KEY = f"{'A' * 43}=", f"{'b/+' * 14}c="
JOURNAL_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:puntual-journal-a1b2c3"
WIRED = {
    "ClusterName", "ServiceName", "TaskFamily", "RepositoryUri", "LoadBalancerUrl", "BucketName", "RegistryUrl",
    "DataUrl", "DeployRoleArn", "LogGroupName",
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Tried to parse AWS.*not supported by moto:UserWarning")
def test_the_stack_is_created_without_an_image_and_says_what_the_pipeline_reads(endpoint: str) -> None:
    outputs = create(endpoint, "puntual-empty", {"GitHubRepository": "owner/puntual"})
    assert outputs.keys() >= WIRED
    assert outputs["RegistryUrl"] == f"s3://{outputs['BucketName']}/models"
    (service,) = _client(endpoint, "ecs").describe_services(
        cluster=outputs["ClusterName"], services=[outputs["ServiceName"]]
    )["services"]
    assert (service["status"], service["desiredCount"]) == ("ACTIVE", 0)


@pytest.mark.filterwarnings("ignore:Tried to parse AWS.*not supported by moto:UserWarning")
def test_the_stack_is_created_with_an_image_a_certificate_and_no_nat(endpoint: str) -> None:
    certificate = _client(endpoint, "acm").request_certificate(DomainName="late.example.org")
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/puntual@sha256:" + "a" * 64
    outputs = create(
        endpoint,
        "puntual-whole",
        {
            "GitHubRepository": "Owner/puntual",
            "GitHubRepositoryIds": "12/345",
            "GitHubOidcProviderArn": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com",
            "Image": image,
            "TrustedKeys": f"{PUBLIC_KEY},{OTHER_KEY}",
            "JournalArn": JOURNAL_ARN,
            "CertificateArn": certificate["CertificateArn"],
            "DomainName": "late.example.org",
            "Nat": "none",
            "AlarmEmail": "ops@example.org",
        },
    )
    assert outputs["LoadBalancerUrl"] == "https://late.example.org"
    task = _client(endpoint, "ecs").describe_task_definition(taskDefinition=outputs["TaskFamily"])
    (puntual,) = task["taskDefinition"]["containerDefinitions"]
    assert puntual["image"] == image
    assert {"name": "PUNTUAL_REGISTRY", "value": outputs["RegistryUrl"]} in puntual["environment"]
    assert {"name": "PUNTUAL_JOURNAL", "valueFrom": JOURNAL_ARN} in puntual["secrets"]
    trusted_keys = {"name": "PUNTUAL_TRUSTED_KEYS", "value": f"{PUBLIC_KEY},{OTHER_KEY}"}
    assert trusted_keys in puntual["environment"]
    made = _client(endpoint, "cloudformation").describe_stack_resources(StackName="puntual-whole")
    assert "NatGateway" not in {one.get("LogicalResourceId") for one in made["StackResources"]}
    role = _client(endpoint, "iam").get_role(RoleName=outputs["DeployRoleArn"].rpartition("/")[2])["Role"]
    trusted = json.dumps(role["AssumeRolePolicyDocument"])
    assert "repo:Owner/puntual:ref:refs/heads/main" in trusted
    assert "repo:Owner@12/puntual@345:ref:refs/heads/main" in trusted


def _client(endpoint: str, service: str) -> Any:
    session = botocore.session.get_session()
    session.set_credentials("rehearsal", "rehearsal")
    return session.create_client(service, region_name=REGION, endpoint_url=endpoint)
