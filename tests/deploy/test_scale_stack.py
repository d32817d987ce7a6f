"""The stack of many machines: closed to all but its members, encrypted, and gone when a run is over."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from deploy.rehearsal.stack import SCALE, TEMPLATE
from stack_template import GONE, Path, Template, assert_noticed, default, of_type, read, spoiled, the

TASKS = ("SchedulerTask", "WorkerTask", "ClientTask")
COMM = "DASK_DISTRIBUTED__COMM__"


@pytest.fixture
def stack() -> Template:
    return read(SCALE)


def container(stack: Template, task: str) -> Any:
    (only,) = stack["Resources"][task]["Properties"]["ContainerDefinitions"]
    return only


def imported(stack: Any) -> set[str]:
    """Find what a template, or a part of one, takes from the stack it stands on."""
    if isinstance(stack, list):
        return set().union(*map(imported, stack))
    if not isinstance(stack, dict):
        return set()
    own = (
        {stack["Fn::ImportValue"]["Fn::Sub"].removeprefix("${Stack}-")}
        if "Fn::ImportValue" in stack
        else set()
    )
    return own.union(*map(imported, stack.values()))


def test_the_template_is_small_enough_to_be_sent_as_it_is() -> None:
    assert len(SCALE.read_bytes()) <= 51_200


def test_all_that_it_stands_on_the_first_stack_gives(stack: Template) -> None:
    outputs = read()["Outputs"].values()
    given = {
        one["Export"]["Name"]["Fn::Sub"].removeprefix("${AWS::StackName}-")
        for one in outputs
        if "Export" in one
    }
    assert imported(stack) == given
    # Tasks have no public address, so without a NAT gateway there is no network to stand on.
    assert read()["Outputs"]["PrivateSubnetIds"]["Condition"] == "HasNat"


def test_the_readme_explains_every_parameter_with_its_default(stack: Template) -> None:
    page = (TEMPLATE.parent / "README.md").read_text(encoding="utf-8").partition("## On many machines")[2]
    rows = dict(re.findall(r"^\| `(\w+)` \|(?: `([^`]*)`)? \|", page, re.MULTILINE))
    assert rows == {name: str(one.get("Default", "")) for name, one in stack["Parameters"].items()}


def test_nobody_but_members_and_the_client_is_let_in(stack: Template) -> None:
    groups = of_type(stack, "EC2::SecurityGroup")
    assert [name for name, group in groups.items() if "SecurityGroupIngress" in group] == []
    assert [rule["ToPort"] for group in groups.values() for rule in group["SecurityGroupEgress"]] == [443] * 3
    let_in = [
        (rule["SourceSecurityGroupId"]["Ref"], rule["GroupId"]["Ref"], rule["FromPort"], rule["ToPort"])
        for rule in of_type(stack, "EC2::SecurityGroupIngress").values()
    ]
    assert sorted(let_in) == [
        ("ClientGroup", "MemberGroup", 8786, 8786),
        ("MemberGroup", "MemberGroup", 8786, 8786),
        ("MemberGroup", "MemberGroup", 40000, 40199),
    ]
    let_out = [
        (rule["GroupId"]["Ref"], rule["DestinationSecurityGroupId"]["Ref"], rule["FromPort"], rule["ToPort"])
        for rule in of_type(stack, "EC2::SecurityGroupEgress").values()
    ]
    assert sorted(let_out) == sorted(let_in)


def test_tasks_and_instances_are_in_private_subnets_without_a_public_address(stack: Template) -> None:
    private = {"Fn::Split": [",", {"Fn::ImportValue": {"Fn::Sub": "${Stack}-private-subnets"}}]}
    for service in of_type(stack, "ECS::Service").values():
        network = service["NetworkConfiguration"]["AwsvpcConfiguration"]
        assert network == {
            "AssignPublicIp": "DISABLED",
            "SecurityGroups": [{"Ref": "MemberGroup"}],
            "Subnets": private,
        }
    assert the(stack, "AutoScaling::AutoScalingGroup")["VPCZoneIdentifier"] == private
    (interface,) = the(stack, "EC2::LaunchTemplate")["LaunchTemplateData"]["NetworkInterfaces"]
    assert interface["AssociatePublicIpAddress"] is False
    assert "AWS::ElasticLoadBalancingV2::LoadBalancer" not in {
        one["Type"] for one in stack["Resources"].values()
    }


@pytest.mark.parametrize("task", TASKS)
def test_members_speak_tls_with_certificates_of_the_run_and_nothing_else(stack: Template, task: str) -> None:
    own = container(stack, task)
    settings = {one["Name"]: one["Value"] for one in own["Environment"]}
    assert settings[f"{COMM}REQUIRE_ENCRYPTION"] == "true"
    assert settings[f"{COMM}TLS__MIN_VERSION"] == "1.3"
    role = task.removesuffix("Task").upper()
    assert {one["Name"]: one["ValueFrom"]["Fn::Sub"] for one in own["Secrets"]} == {
        f"{COMM}TLS__CA_FILE": "${CertificatesSecret}:ca::",
        f"{COMM}TLS__{role}__CERT": "${CertificatesSecret}:cert::",
        f"{COMM}TLS__{role}__KEY": "${CertificatesSecret}:key::",
    }
    # Before the first run there are none, and then no task starts.
    assert the(stack, "SecretsManager::Secret")["SecretString"] == "{}"


def test_no_dashboard_is_to_be_reached(stack: Template) -> None:
    scheduler = container(stack, "SchedulerTask")
    assert "--no-dashboard" in scheduler["Command"]
    assert "--no-dashboard" in container(stack, "WorkerTask")["Command"]
    # What is left of it tells of health, within the task alone.
    assert scheduler["Command"][scheduler["Command"].index("--dashboard-address") + 1] == "127.0.0.1:8787"
    assert [one["ContainerPort"] for one in scheduler["PortMappings"]] == [8786]
    assert "http://127.0.0.1:8787/health" in scheduler["HealthCheck"]["Command"][-1]


@pytest.mark.parametrize("task", TASKS)
def test_a_container_holds_no_more_than_it_needs(stack: Template, task: str) -> None:
    own = container(stack, task)
    assert own["User"] == "10001:10001"
    assert own["ReadonlyRootFilesystem"] is True
    assert own["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert [one["ContainerPath"] for one in own["MountPoints"]] == ["/state"]
    assert stack["Resources"][task]["Properties"]["NetworkMode"] == "awsvpc"


def test_the_scheduler_may_do_nothing_and_workers_write_models_and_what_they_hand_each_other_alone(
    stack: Template,
) -> None:
    assert "TaskRoleArn" not in stack["Resources"]["SchedulerTask"]["Properties"]
    (policy,) = of_type(stack, "IAM::Role")["TaskRole"]["Policies"]
    (writing,) = (one for one in policy["PolicyDocument"]["Statement"] if "s3:PutObject" in one["Action"])
    assert [one["Fn::Sub"][0] for one in writing["Resource"]] == [
        "arn:${AWS::Partition}:s3:::${B}/models/*",
        "arn:${AWS::Partition}:s3:::${B}/scale/*",
    ]


def test_no_action_is_allowed_by_pattern_and_only_those_without_a_resource_on_all(stack: Template) -> None:
    policy = the(stack, "IAM::ManagedPolicy")["PolicyDocument"]
    unbounded = {"ecr:GetAuthorizationToken", "ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition"}
    for one in policy["Statement"]:
        actions = one["Action"] if isinstance(one["Action"], list) else [one["Action"]]
        assert [action for action in actions if "*" in action] == []
        if one["Resource"] == "*":
            bounded = one.get("Condition") == {"ArnEquals": {"ecs:cluster": {"Fn::GetAtt": "Cluster.Arn"}}}
            assert bounded or set(actions) <= unbounded


def test_whoever_begins_a_run_passes_on_the_roles_of_its_tasks_and_to_tasks_alone(stack: Template) -> None:
    statements = the(stack, "IAM::ManagedPolicy")["PolicyDocument"]["Statement"]
    (passing,) = (one for one in statements if one["Action"] == "iam:PassRole")
    roles = {
        str(stack["Resources"][task]["Properties"].get(role))
        for task in TASKS
        for role in ("ExecutionRoleArn", "TaskRoleArn")
    } - {"None"}
    assert {str(one) for one in passing["Resource"]} == roles
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}


def test_nothing_runs_between_runs(stack: Template) -> None:
    assert [service["DesiredCount"] for service in of_type(stack, "ECS::Service").values()] == [0, 0]
    group = the(stack, "AutoScaling::AutoScalingGroup")
    assert group["MinSize"] == 0
    assert "DesiredCapacity" not in group
    assert (
        the(stack, "ECS::CapacityProvider")["AutoScalingGroupProvider"]["ManagedScaling"]["Status"]
        == "ENABLED"
    )


def test_idle_tasks_are_ended_even_if_nobody_is_left_to_end_them(stack: Template) -> None:
    alarm = the(stack, "CloudWatch::Alarm")
    policies = of_type(stack, "ApplicationAutoScaling::ScalingPolicy")
    assert {one["Ref"] for one in alarm["AlarmActions"]} == policies.keys()
    for policy in policies.values():
        steps = policy["StepScalingPolicyConfiguration"]
        assert steps["AdjustmentType"] == "ExactCapacity"
        assert [step["ScalingAdjustment"] for step in steps["StepAdjustments"]] == [0]
    # The busiest, since one worker alone fits; and no figure, which is no alarm, where nothing runs.
    assert {one["MetricStat"]["Stat"] for one in alarm["Metrics"] if "MetricStat" in one} == {"Maximum"}
    assert (alarm["ComparisonOperator"], alarm["TreatMissingData"]) == ("LessThanThreshold", "notBreaching")
    assert alarm["EvaluationPeriods"] == {"Ref": "IdleMinutes"}


def test_workers_are_spot_and_leave_in_time_when_theirs_is_taken(stack: Template) -> None:
    group = the(stack, "AutoScaling::AutoScalingGroup")
    spread = group["MixedInstancesPolicy"]["InstancesDistribution"]
    assert spread["OnDemandPercentageAboveBaseCapacity"] == {"Ref": "OnDemandPercent"}
    assert (spread["OnDemandBaseCapacity"], default(stack, "OnDemandPercent")) == (0, 0)
    assert group["CapacityRebalance"] is True
    (settings,) = the(stack, "EC2::LaunchTemplate")["LaunchTemplateData"]["UserData"].values()
    assert "ECS_ENABLE_SPOT_INSTANCE_DRAINING=true" in settings["Fn::Sub"]
    # A notice is two minutes.
    assert 60 < container(stack, "WorkerTask")["StopTimeout"] < 120
    assert the(stack, "ECS::CapacityProvider")["AutoScalingGroupProvider"]["ManagedDraining"] == "ENABLED"


def test_instances_are_of_one_size_and_a_worker_fills_one(stack: Template) -> None:
    overrides = the(stack, "AutoScaling::AutoScalingGroup")["MixedInstancesPolicy"]["LaunchTemplate"][
        "Overrides"
    ]
    kinds = [one["InstanceType"] for one in overrides]
    assert len(kinds) > 2
    # 8 processors and 32 GiB, of Intel's: numpy takes the same instructions on all of them.
    assert [kind for kind in kinds if not re.fullmatch(r"m\d(i|id)?\.2xlarge", kind)] == []
    assert container(stack, "WorkerTask")["Cpu"] == 8 * 1024
    assert 28 * 1024 < container(stack, "WorkerTask")["Memory"] < 0.95 * 32 * 1024
    services = of_type(stack, "ECS::Service")
    assert services["WorkerService"]["PlacementConstraints"] == [{"Type": "distinctInstance"}]
    # The scheduler is not taken away.
    assert services["SchedulerService"]["LaunchType"] == "FARGATE"


def test_there_are_never_two_schedulers(stack: Template) -> None:
    scheduler = of_type(stack, "ECS::Service")["SchedulerService"]
    assert scheduler["DeploymentConfiguration"] == {"MinimumHealthyPercent": 0, "MaximumPercent": 100}
    assert of_type(stack, "ApplicationAutoScaling::ScalableTarget")["SchedulerScaling"]["MaxCapacity"] == 1


def test_the_instances_own_role_stays_out_of_reach_of_containers(stack: Template) -> None:
    instance = the(stack, "EC2::LaunchTemplate")["LaunchTemplateData"]
    assert instance["MetadataOptions"]["HttpTokens"] == "required"
    assert "ECS_AWSVPC_BLOCK_IMDS=true" in instance["UserData"]["Fn::Base64"]["Fn::Sub"]
    (disk,) = instance["BlockDeviceMappings"]
    assert disk["Ebs"]["Encrypted"] is True


def test_images_that_train_take_no_place_from_those_that_serve() -> None:
    rules = json.loads(the(read(), "ECR::Repository")["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    scale, every = (rule["selection"] for rule in sorted(rules, key=lambda rule: rule["rulePriority"]))
    assert (scale["tagPrefixList"], scale["countNumber"]) == (["scale-"], 3)
    # Thirty to roll back to, beside those.
    assert (every["tagStatus"], every["countNumber"]) == ("any", 33)


@spoiled(
    (test_nothing_runs_between_runs, ("WorkerService", "Properties", "DesiredCount"), 1),
    (
        test_tasks_and_instances_are_in_private_subnets_without_a_public_address,
        ("SchedulerService", "Properties", "NetworkConfiguration", "AwsvpcConfiguration", "AssignPublicIp"),
        "ENABLED",
    ),
    (
        test_nobody_but_members_and_the_client_is_let_in,
        ("SchedulerFromClient", "Properties", "FromPort"),
        8000,
    ),
    (
        test_no_dashboard_is_to_be_reached,
        ("SchedulerTask", "Properties", "ContainerDefinitions", 0, "Command"),
        ["dask", "scheduler"],
    ),
    (
        test_idle_tasks_are_ended_even_if_nobody_is_left_to_end_them,
        ("Idle", "Properties", "AlarmActions"),
        GONE,
    ),
    (
        test_the_scheduler_may_do_nothing_and_workers_write_models_and_what_they_hand_each_other_alone,
        (
            "TaskRole",
            "Properties",
            "Policies",
            0,
            "PolicyDocument",
            "Statement",
            1,
            "Resource",
            0,
            "Fn::Sub",
            0,
        ),
        "arn:${AWS::Partition}:s3:::${B}/*",
    ),
)
def test_a_spoiled_template_is_noticed(check: Callable[[Template], None], path: Path, value: Any) -> None:
    assert_noticed(check, path, value, SCALE)
