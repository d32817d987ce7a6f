"""What the stack keeps is closed, encrypted, and kept as long as it should be."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from puntual.registry.signing import make_key
from puntual.settings import read_settings
from stack_template import (
    GONE,
    TASK,
    Path,
    Template,
    assert_noticed,
    container,
    default,
    of_type,
    read,
    resolved,
    spoiled,
    the,
)


@pytest.fixture
def stack() -> Template:
    return read()


def test_nothing_in_a_bucket_is_public(stack: Template) -> None:
    for bucket in of_type(stack, "S3::Bucket").values():
        blocked = bucket["PublicAccessBlockConfiguration"]
        assert blocked == dict.fromkeys(
            ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
        )
        assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def test_buckets_are_encrypted_and_keep_former_versions(stack: Template) -> None:
    for bucket in of_type(stack, "S3::Bucket").values():
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]


def test_buckets_speak_tls_alone(stack: Template) -> None:
    policies = {policy["Bucket"]["Ref"]: policy for policy in of_type(stack, "S3::BucketPolicy").values()}
    assert policies.keys() == of_type(stack, "S3::Bucket").keys()
    for name, policy in policies.items():
        (plain,) = (one for one in policy["PolicyDocument"]["Statement"] if one["Sid"] == "TlsOnly")
        assert (plain["Effect"], plain["Principal"], plain["Action"]) == ("Deny", "*", "s3:*")
        assert plain["Resource"] == [{"Fn::GetAtt": f"{name}.Arn"}, {"Fn::Sub": f"${{{name}.Arn}}/*"}]
        assert plain["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_a_bucket_is_opened_to_nobody_but_the_services_that_log(stack: Template) -> None:
    statements = [
        one
        for policy in of_type(stack, "S3::BucketPolicy").values()
        for one in policy["PolicyDocument"]["Statement"]
    ]
    opened = {one["Principal"]["Service"] for one in statements if one["Effect"] == "Allow"}
    assert opened == {"logdelivery.elasticloadbalancing.amazonaws.com", "logging.s3.amazonaws.com"}


def test_models_data_and_access_logs_outlive_the_stack(stack: Template) -> None:
    for name in of_type(stack, "S3::Bucket"):
        assert stack["Resources"][name]["DeletionPolicy"] == "Retain"
        assert stack["Resources"][name]["UpdateReplacePolicy"] == "Retain"


def test_secrets_reach_the_service_from_the_secrets_manager_alone(stack: Template) -> None:
    secrets = {one["Name"]: one["ValueFrom"] for one in resolved(container(stack)["Secrets"])}
    assert secrets == {
        "PUNTUAL_WEBHOOK_SECRET": {"Ref": "WebhookSecret"},
        "PUNTUAL_TOKEN_SECRET": {"Ref": "TokenSecret"},
        "PUNTUAL_KEYS": {"Ref": "KeysSecret"},
    }
    assert not secrets.keys() & {one["Name"] for one in container(stack)["Environment"]}
    of_secrets = of_type(stack, "SecretsManager::Secret")
    assert {one["Ref"] for one in secrets.values()} == of_secrets.keys()
    # Neither a secret in the template nor a parameter to give one in.
    assert "GenerateSecretString" in of_secrets["WebhookSecret"]
    assert "GenerateSecretString" in of_secrets["TokenSecret"]
    assert of_secrets["KeysSecret"]["SecretString"] == "[]"
    assert [name for name in stack["Parameters"] if re.search("secret|password|token", name, re.I)] == []


def test_tasks_know_of_each_other_and_share_a_journal_where_there_is_one(stack: Template) -> None:
    settings = {one["Name"]: one["Value"] for one in container(stack)["Environment"]}
    assert settings["PUNTUAL_REPLICAS"] == {"Fn::Sub": "${MaxTasks}"}
    assert "PUNTUAL_JOURNAL" not in settings
    with_a_journal, without = (resolved(container(stack)["Secrets"], *one) for one in (["HasJournal"], []))
    assert [one for one in with_a_journal if one not in without] == [
        {"Name": "PUNTUAL_JOURNAL", "ValueFrom": {"Ref": "JournalArn"}}
    ]
    assert stack["Conditions"]["HasJournal"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "JournalArn"}, default(stack, "JournalArn")]}]
    }


def test_images_secrets_logs_and_alarms_are_encrypted_with_a_key_that_rotates(stack: Template) -> None:
    key = {"Fn::GetAtt": "Key.Arn"}
    assert the(stack, "KMS::Key")["EnableKeyRotation"] is True
    assert the(stack, "ECR::Repository")["EncryptionConfiguration"]["KmsKey"] == key
    assert [secret["KmsKeyId"] for secret in of_type(stack, "SecretsManager::Secret").values()] == [key] * 3
    assert the(stack, "Logs::LogGroup")["KmsKeyId"] == key
    assert the(stack, "SNS::Topic")["KmsMasterKeyId"] == key


def test_image_tags_never_move_and_images_are_scanned(stack: Template) -> None:
    repository = the(stack, "ECR::Repository")
    assert repository["ImageTagMutability"] == "IMMUTABLE"
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}


def test_an_image_is_named_by_digest_or_not_at_all(stack: Template) -> None:
    image = re.compile(stack["Parameters"]["Image"]["AllowedPattern"])
    assert image.match("registry.example/puntual@sha256:" + "0" * 64)
    assert image.match("")
    assert not image.match("registry.example/puntual:latest")


def test_the_service_trusts_the_keys_that_the_stack_is_given_and_without_them_any_bundle(
    stack: Template,
) -> None:
    settings = {one["Name"]: one["Value"] for one in container(stack)["Environment"]}
    assert settings["PUNTUAL_TRUSTED_KEYS"] == {"Ref": "TrustedKeys"}
    assert stack["Parameters"]["TrustedKeys"]["Default"] == ""
    assert read_settings({"PUNTUAL_TRUSTED_KEYS": ""}).trusted_keys == ()


def test_a_trusted_key_is_as_keygen_prints_it_or_the_stack_is_refused(stack: Template) -> None:
    keys = re.compile(stack["Parameters"]["TrustedKeys"]["AllowedPattern"])
    _, public = make_key()
    _, other = make_key()
    assert all(keys.match(text) for text in ("", public, f"{public},{other}"))
    assert not any(keys.match(text) for text in (public[:-1], f"{public},", f"{public} {other}", "none"))


def test_logs_end_after_a_time(stack: Template) -> None:
    kept = {"Ref": "LogRetentionDays"}
    assert the(stack, "Logs::LogGroup")["RetentionInDays"] == kept
    rules = of_type(stack, "S3::Bucket")["LogBucket"]["LifecycleConfiguration"]["Rules"]
    assert [rule["ExpirationInDays"] for rule in rules] == [kept]


@spoiled(
    (test_nothing_in_a_bucket_is_public, ("Bucket", "Properties", "PublicAccessBlockConfiguration"), GONE),
    (
        test_nothing_in_a_bucket_is_public,
        ("LogBucket", "Properties", "PublicAccessBlockConfiguration", "BlockPublicPolicy"),
        False,
    ),
    (
        test_buckets_are_encrypted_and_keep_former_versions,
        ("Bucket", "Properties", "VersioningConfiguration"),
        GONE,
    ),
    (test_buckets_speak_tls_alone, ("LogBucketPolicy",), GONE),
    (
        test_buckets_speak_tls_alone,
        ("BucketPolicy", "Properties", "PolicyDocument", "Statement", 0, "Effect"),
        "Allow",
    ),
    (
        test_a_bucket_is_opened_to_nobody_but_the_services_that_log,
        ("LogBucketPolicy", "Properties", "PolicyDocument", "Statement", 1, "Principal"),
        {"Service": "x"},
    ),
    (test_models_data_and_access_logs_outlive_the_stack, ("Bucket", "DeletionPolicy"), GONE),
    (test_secrets_reach_the_service_from_the_secrets_manager_alone, (*TASK, "Secrets", 1), GONE),
    (test_tasks_know_of_each_other_and_share_a_journal_where_there_is_one, (*TASK, "Secrets", 3), GONE),
    (
        test_secrets_reach_the_service_from_the_secrets_manager_alone,
        (*TASK, "Environment", 0, "Name"),
        "PUNTUAL_KEYS",
    ),
    (
        test_images_secrets_logs_and_alarms_are_encrypted_with_a_key_that_rotates,
        ("LogGroup", "Properties", "KmsKeyId"),
        GONE,
    ),
    (
        test_image_tags_never_move_and_images_are_scanned,
        ("Repository", "Properties", "ImageTagMutability"),
        "MUTABLE",
    ),
    (
        test_the_service_trusts_the_keys_that_the_stack_is_given_and_without_them_any_bundle,
        (*TASK, "Environment", 2, "Value"),
        "",
    ),
    (test_logs_end_after_a_time, ("LogGroup", "Properties", "RetentionInDays"), GONE),
)
def test_a_spoiled_template_is_noticed(check: Callable[[Template], None], path: Path, value: Any) -> None:
    assert_noticed(check, path, value)
