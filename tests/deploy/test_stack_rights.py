"""Each part of the stack may do what it has to, and no more."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from stack_template import (
    GONE,
    TASK,
    Path,
    Template,
    assert_noticed,
    container,
    of_type,
    read,
    resolved,
    spoiled,
    the,
)

# Actions that know no resource, by Amazon's own list.
UNBOUNDED = {
    "ecr:GetAuthorizationToken",
    "ecs:DeregisterTaskDefinition",
    "ecs:DescribeTaskDefinition",
    "ecs:ListTaskDefinitions",
    "ecs:RegisterTaskDefinition",
}


@pytest.fixture
def stack() -> Template:
    return read()


def test_no_action_is_allowed_by_pattern_and_only_those_without_a_resource_on_all(stack: Template) -> None:
    for actions, resources, condition in allowed(stack):
        assert [action for action in actions if "*" in action] == []
        if "*" in resources:
            bounded = (condition or {}).get("ArnEquals") == {"ecs:cluster": {"Fn::GetAtt": "Cluster.Arn"}}
            assert bounded or set(actions) <= UNBOUNDED


def test_deploying_passes_on_the_two_roles_of_the_tasks_and_to_tasks_alone(stack: Template) -> None:
    ((_, resources, condition),) = (one for one in allowed(stack) if "iam:PassRole" in one[0])
    task = the(stack, "ECS::TaskDefinition")
    assert resources == [task["ExecutionRoleArn"], task["TaskRoleArn"]]
    assert condition == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}


def test_the_service_reads_models_and_writes_nothing(stack: Template) -> None:
    assert [(actions, resources) for actions, resources, _ in allowed(stack, "TaskRole")] == [
        (["s3:GetObject"], [{"Fn::Sub": "${Bucket.Arn}/models/*"}]),
        (["s3:ListBucket"], [{"Fn::GetAtt": "Bucket.Arn"}]),
    ]


def test_starting_a_task_reads_its_own_secrets_and_no_other(stack: Template) -> None:
    (secrets,) = (
        resources
        for actions, resources, _ in allowed(stack, "ExecutionRole")
        if "secretsmanager:GetSecretValue" in actions
    )
    for conditions in ([], ["HasJournal"]):
        of_task = [one["ValueFrom"] for one in resolved(container(stack)["Secrets"], *conditions)]
        assert resolved(secrets, *conditions) == of_task


@pytest.mark.parametrize("role", ["DeployRole", "TrainRole"])
def test_github_is_trusted_for_one_subject_of_the_repository_in_both_its_forms(
    stack: Template, role: str
) -> None:
    (trust,) = of_type(stack, "IAM::Role")[role]["AssumeRolePolicyDocument"]["Statement"]
    claims = "token.actions.githubusercontent.com"
    assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert trust["Condition"]["StringEquals"] == {f"{claims}:aud": "sts.amazonaws.com"}
    plain, numbered = trust["Condition"]["StringLike"][f"{claims}:sub"]
    assert plain == {"Fn::Sub": "repo:${GitHubRepository}:${GitHubSubject}"}
    pattern, parts = numbered["Fn::Sub"]
    assert pattern == "repo:${Owner}@${OwnerId}/${Name}@${NameId}:${GitHubSubject}"
    assert parts.keys() == {"Owner", "OwnerId", "Name", "NameId"}


@pytest.mark.parametrize("name", ["GitHubRepository", "GitHubSubject", "GitHubRepositoryIds"])
def test_no_parameter_widens_whom_of_github_is_trusted(stack: Template, name: str) -> None:
    pattern = re.compile(stack["Parameters"][name]["AllowedPattern"])
    assert not any(
        pattern.match(wide) for wide in ("*", "owner/*", "ref:refs/heads/*", "environment:*", "*/*")
    )


def test_the_instances_own_role_stays_out_of_reach_of_containers(stack: Template) -> None:
    instance = the(stack, "EC2::LaunchTemplate")["LaunchTemplateData"]
    assert instance["MetadataOptions"]["HttpTokens"] == "required"
    assert instance["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    # Host networking would be no hop at all.
    assert the(stack, "ECS::TaskDefinition")["NetworkMode"] == "bridge"


def test_the_container_holds_no_more_than_it_needs(stack: Template) -> None:
    puntual = container(stack)
    assert puntual["User"] == "10001:10001"
    assert puntual["ReadonlyRootFilesystem"] is True
    assert puntual["Privileged"] is False
    assert puntual["DockerSecurityOptions"] == ["no-new-privileges"]
    assert puntual["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert puntual["LinuxParameters"]["InitProcessEnabled"] is True
    assert puntual["Memory"] <= 512
    written = [one["ContainerPath"] for one in puntual["MountPoints"]]
    assert [*written, *(one["ContainerPath"] for one in puntual["LinuxParameters"]["Tmpfs"])] == [
        "/state",
        "/tmp",
    ]


def test_the_disk_of_an_instance_is_encrypted(stack: Template) -> None:
    (disk,) = the(stack, "EC2::LaunchTemplate")["LaunchTemplateData"]["BlockDeviceMappings"]
    assert disk["Ebs"]["Encrypted"] is True


@spoiled(
    (
        test_no_action_is_allowed_by_pattern_and_only_those_without_a_resource_on_all,
        ("DeployPolicy", "Properties", "PolicyDocument", "Statement", 2, "Resource"),
        "*",
    ),
    (
        test_no_action_is_allowed_by_pattern_and_only_those_without_a_resource_on_all,
        ("TrainPolicy", "Properties", "PolicyDocument", "Statement", 1, "Action"),
        "s3:*",
    ),
    (
        test_deploying_passes_on_the_two_roles_of_the_tasks_and_to_tasks_alone,
        ("DeployPolicy", "Properties", "PolicyDocument", "Statement", 5, "Condition"),
        GONE,
    ),
    (
        test_the_service_reads_models_and_writes_nothing,
        ("TaskRole", "Properties", "Policies", 0, "PolicyDocument", "Statement", 0, "Action"),
        ["s3:GetObject", "s3:PutObject"],
    ),
    (
        test_the_instances_own_role_stays_out_of_reach_of_containers,
        ("LaunchTemplate", "Properties", "LaunchTemplateData", "MetadataOptions", "HttpTokens"),
        "optional",
    ),
    (test_the_container_holds_no_more_than_it_needs, (*TASK, "User"), GONE),
    (test_the_container_holds_no_more_than_it_needs, (*TASK, "LinuxParameters", "Capabilities"), GONE),
)
def test_a_spoiled_template_is_noticed(check: Callable[[Template], None], path: Path, value: Any) -> None:
    assert_noticed(check, path, value)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def allowed(stack: Template, role: str | None = None) -> Iterator[tuple[list[str], list[Any], Any]]:
    """Give what roles and policies allow: actions, resources and condition of each statement."""
    documents = [policy["PolicyDocument"] for policy in of_type(stack, "IAM::ManagedPolicy").values()]
    roles = of_type(stack, "IAM::Role")
    if role is not None:
        documents, roles = [], {role: roles[role]}
    documents += [part["PolicyDocument"] for one in roles.values() for part in one.get("Policies", [])]
    for document in documents:
        for statement in document["Statement"]:
            assert statement["Effect"] == "Allow"
            yield listed(statement["Action"]), listed(statement["Resource"]), statement.get("Condition")
