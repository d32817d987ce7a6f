"""Who reaches whom in the stack."""

from collections.abc import Callable
from typing import Any

import pytest

from stack_template import (
    GONE,
    Path,
    Template,
    assert_noticed,
    attributes,
    default,
    of_type,
    read,
    spoiled,
    the,
)


@pytest.fixture
def stack() -> Template:
    return read()


def test_only_the_load_balancer_reaches_an_instance(stack: Template) -> None:
    group = of_type(stack, "EC2::SecurityGroup")["InstanceGroup"]
    assert "SecurityGroupIngress" not in group
    ((_, rule),) = of_type(stack, "EC2::SecurityGroupIngress").items()
    assert rule["GroupId"] == {"Ref": "InstanceGroup"}
    assert rule["SourceSecurityGroupId"] == {"Ref": "LoadBalancerGroup"}
    assert [one["ToPort"] for one in group["SecurityGroupEgress"]] == [443]


def test_an_instance_reaches_the_journal_where_there_is_one(stack: Template) -> None:
    assert stack["Resources"]["InstancesToJournal"]["Condition"] == "HasJournal"
    rule = of_type(stack, "EC2::SecurityGroupEgress")["InstancesToJournal"]
    assert rule["GroupId"] == {"Ref": "InstanceGroup"}
    assert (rule["FromPort"], rule["ToPort"], rule["CidrIp"]) == (5432, 5432, {"Ref": "JournalCidr"})


def test_the_load_balancer_reaches_nothing_but_tasks(stack: Template) -> None:
    rules = of_type(stack, "EC2::SecurityGroupEgress")
    assert rules.keys() == {"LoadBalancerToTasks", "InstancesToJournal"}
    rule = rules["LoadBalancerToTasks"]
    assert rule["GroupId"] == {"Ref": "LoadBalancerGroup"}
    assert rule["DestinationSecurityGroupId"] == {"Ref": "InstanceGroup"}
    assert [
        one["FromPort"]
        for one in of_type(stack, "EC2::SecurityGroup")["LoadBalancerGroup"]["SecurityGroupIngress"]
    ] == [80, 443]


def test_instances_are_in_private_subnets_and_have_a_public_address_only_where_there_is_no_nat(
    stack: Template,
) -> None:
    condition, private, public = the(stack, "AutoScaling::AutoScalingGroup")["VPCZoneIdentifier"]["Fn::If"]
    routes = {
        one["SubnetId"]["Ref"]: one["RouteTableId"]["Ref"]
        for one in of_type(stack, "EC2::SubnetRouteTableAssociation").values()
    }
    assert condition == "HasNat"
    assert {routes[one["Ref"]] for one in private} == {"PrivateRoutes"}
    assert {routes[one["Ref"]] for one in public} == {"PublicRoutes"}
    (interface,) = the(stack, "EC2::LaunchTemplate")["LaunchTemplateData"]["NetworkInterfaces"]
    assert interface["AssociatePublicIpAddress"] == {"Fn::If": ["HasNat", False, True]}
    assert default(stack, "Nat") == "gateway"


def test_models_come_from_the_bucket_past_the_nat(stack: Template) -> None:
    endpoint = the(stack, "EC2::VPCEndpoint")
    assert endpoint["VpcEndpointType"] == "Gateway"
    assert endpoint["ServiceName"]["Fn::Sub"].endswith(".s3")
    assert {one["Ref"] for one in endpoint["RouteTableIds"]} == of_type(stack, "EC2::RouteTable").keys()


def test_with_a_certificate_plain_http_only_leads_to_https(stack: Template) -> None:
    listeners = of_type(stack, "ElasticLoadBalancingV2::Listener")
    (action,) = listeners["HttpListener"]["DefaultActions"]
    condition, redirect, _ = action["Fn::If"]
    assert condition == "HasCertificate"
    assert redirect["RedirectConfig"] == {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}
    assert stack["Resources"]["HttpsListener"]["Condition"] == "HasCertificate"
    assert listeners["HttpsListener"]["SslPolicy"].startswith("ELBSecurityPolicy-TLS13-1-2-")


def test_the_load_balancer_drops_invalid_headers_and_writes_an_access_log(stack: Template) -> None:
    set_to = attributes(the(stack, "ElasticLoadBalancingV2::LoadBalancer"), "LoadBalancerAttributes")
    assert set_to["routing.http.drop_invalid_header_fields.enabled"] == "true"
    assert set_to["access_logs.s3.enabled"] == "true"
    assert set_to["access_logs.s3.bucket"] == {"Ref": "LogBucket"}


@spoiled(
    (
        test_only_the_load_balancer_reaches_an_instance,
        ("TasksFromLoadBalancer", "Properties", "SourceSecurityGroupId"),
        GONE,
    ),
    (
        test_with_a_certificate_plain_http_only_leads_to_https,
        ("HttpsListener", "Properties", "SslPolicy"),
        "ELBSecurityPolicy-2016-08",
    ),
)
def test_a_spoiled_template_is_noticed(check: Callable[[Template], None], path: Path, value: Any) -> None:
    assert_noticed(check, path, value)
