"""The stack rolls a release out without a gap, or takes it back."""

from collections.abc import Callable
from typing import Any

import pytest

from stack_template import (
    GONE,
    TASK,
    Path,
    Template,
    assert_noticed,
    attributes,
    container,
    default,
    of_type,
    read,
    spoiled,
    the,
)

# What a t3.medium offers to tasks: two processors of 1,024 units, and four GiB less what system and agent take.
CPU, MEMORY = 2_048, 3_700


@pytest.fixture
def stack() -> Template:
    return read()


def test_a_failed_rollout_stops_and_goes_back(stack: Template) -> None:
    deployment = the(stack, "ECS::Service")["DeploymentConfiguration"]
    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert deployment["Alarms"] == {
        "Enable": True,
        "Rollback": True,
        "AlarmNames": [{"Ref": "ErrorsAlarm"}],
    }


def test_no_task_ends_before_its_successor_answers_and_all_of_them_fit_the_smallest_cluster(
    stack: Template,
) -> None:
    deployment = the(stack, "ECS::Service")["DeploymentConfiguration"]
    assert deployment["MinimumHealthyPercent"] == 100
    tasks = default(stack, "DesiredTasks") * deployment["MaximumPercent"] // 100
    instances = default(stack, "MinInstances")
    assert tasks >= 2 * default(stack, "DesiredTasks")
    assert tasks * container(stack)["Memory"] <= instances * MEMORY
    assert tasks * container(stack)["Cpu"] <= instances * CPU
    # Two on one instance would want the same port.
    assert container(stack)["PortMappings"] == [{"ContainerPort": 8000, "HostPort": 0, "Protocol": "tcp"}]


def test_the_most_tasks_roll_on_the_most_instances(stack: Template) -> None:
    tasks = 2 * default(stack, "MaxTasks")
    assert tasks * container(stack)["Memory"] <= default(stack, "MaxInstances") * MEMORY
    assert tasks * container(stack)["Cpu"] <= default(stack, "MaxInstances") * CPU


def test_a_task_is_asked_whether_it_is_ready_on_the_port_it_was_given(stack: Template) -> None:
    target = the(stack, "ElasticLoadBalancingV2::TargetGroup")
    assert target["HealthCheckPath"] == "/readyz"
    assert target["HealthCheckPort"] == "traffic-port"
    assert target["Matcher"] == {"HttpCode": "200"}
    # The command asks the same.
    assert container(stack)["HealthCheck"]["Command"] == ["CMD", "puntual", "health"]


def test_requests_in_flight_are_answered_before_a_task_ends(stack: Template) -> None:
    target = attributes(the(stack, "ElasticLoadBalancingV2::TargetGroup"), "TargetGroupAttributes")
    assert target["deregistration_delay.timeout_seconds"] == "30"
    # PUNTUAL_DRAIN is 30 seconds by default.
    assert container(stack)["StopTimeout"] > 30


def test_the_service_keeps_a_connection_longer_than_the_load_balancer(stack: Template) -> None:
    balancer = attributes(the(stack, "ElasticLoadBalancingV2::LoadBalancer"), "LoadBalancerAttributes")
    environment = {one["Name"]: one["Value"] for one in container(stack)["Environment"]}
    assert int(environment["PUNTUAL_KEEP_ALIVE"]) > int(balancer["idle_timeout.timeout_seconds"])


def test_no_task_is_wanted_before_there_is_an_image_and_then_the_scaling_says_how_many(
    stack: Template,
) -> None:
    service = the(stack, "ECS::Service")
    assert service["DesiredCount"] == {"Fn::If": ["HasImage", {"Ref": "AWS::NoValue"}, 0]}
    scaling = the(stack, "ApplicationAutoScaling::ScalableTarget")
    assert scaling["MinCapacity"] == {"Fn::If": ["HasImage", {"Ref": "DesiredTasks"}, 0]}
    assert default(stack, "Image") == ""


def test_tasks_follow_the_load_and_instances_follow_the_tasks(stack: Template) -> None:
    policy = the(stack, "ApplicationAutoScaling::ScalingPolicy")
    assert policy["PolicyType"] == "TargetTrackingScaling"
    provider = the(stack, "ECS::CapacityProvider")["AutoScalingGroupProvider"]
    assert provider["ManagedScaling"]["Status"] == "ENABLED"
    # Two masters would undo each other's work.
    assert "DesiredCapacity" not in the(stack, "AutoScaling::AutoScalingGroup")
    assert (
        the(stack, "ECS::Service")["CapacityProviderStrategy"]
        == the(stack, "ECS::ClusterCapacityProviderAssociations")["DefaultCapacityProviderStrategy"]
    )


def test_the_stack_can_be_deleted(stack: Template) -> None:
    provider = the(stack, "ECS::CapacityProvider")["AutoScalingGroupProvider"]
    assert provider["ManagedTerminationProtection"] == "DISABLED"
    assert the(stack, "ECR::Repository")["EmptyOnDelete"] is True


def test_errors_latency_and_unhealthy_tasks_raise_alarms(stack: Template) -> None:
    alarms = of_type(stack, "CloudWatch::Alarm")
    counted = {
        one["MetricStat"]["Metric"]["MetricName"]
        for one in alarms["ErrorsAlarm"]["Metrics"]
        if "MetricStat" in one
    }
    assert counted == {"HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count"}
    assert (alarms["LatencyAlarm"]["MetricName"], alarms["LatencyAlarm"]["ExtendedStatistic"]) == (
        "TargetResponseTime",
        "p99",
    )
    assert alarms["UnhealthyAlarm"]["MetricName"] == "UnHealthyHostCount"
    receivers = {"Fn::If": ["HasEmail", {"Ref": "AlarmTopic"}, {"Ref": "AWS::NoValue"}]}
    assert [alarm["AlarmActions"] for alarm in alarms.values()] == [[receivers]] * 3


@spoiled(
    (
        test_a_failed_rollout_stops_and_goes_back,
        ("Service", "Properties", "DeploymentConfiguration", "DeploymentCircuitBreaker", "Rollback"),
        False,
    ),
    (
        test_no_task_ends_before_its_successor_answers_and_all_of_them_fit_the_smallest_cluster,
        (*TASK, "Memory"),
        1024,
    ),
    (
        test_no_task_ends_before_its_successor_answers_and_all_of_them_fit_the_smallest_cluster,
        (*TASK, "PortMappings", 0, "HostPort"),
        8000,
    ),
    (
        test_a_task_is_asked_whether_it_is_ready_on_the_port_it_was_given,
        ("TargetGroup", "Properties", "HealthCheckPath"),
        "/livez",
    ),
    (
        test_a_task_is_asked_whether_it_is_ready_on_the_port_it_was_given,
        ("TargetGroup", "Properties", "HealthCheckPort"),
        GONE,
    ),
    (
        test_no_task_is_wanted_before_there_is_an_image_and_then_the_scaling_says_how_many,
        ("Service", "Properties", "DesiredCount"),
        2,
    ),
    (
        test_the_stack_can_be_deleted,
        (
            "CapacityProvider",
            "Properties",
            "AutoScalingGroupProvider",
            "ManagedTerminationProtection",
        ),
        "ENABLED",
    ),
    (test_errors_latency_and_unhealthy_tasks_raise_alarms, ("UnhealthyAlarm",), GONE),
)
def test_a_spoiled_template_is_noticed(check: Callable[[Template], None], path: Path, value: Any) -> None:
    assert_noticed(check, path, value)
