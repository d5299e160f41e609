"""Who may do what: no more than named, no wider than reasoned."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.infra.deployments import ALL, WHOLE, deployment, made_by, resources
from tests.infra.policies import actions, allowing, wildcards, written
from tests.infra.stacks import FILES, PROJECT

MANAGED = {
    # What SAM gives every function: log streams, in groups that the template makes.
    "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
    # And those in a VPC: their network interfaces, which have no names before they are made.
    "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole",
    # All: writing traces, which X-Ray knows no resources for.
    "arn:aws:iam::aws:policy/AWSXrayWriteOnlyAccess",
    # And those behind a queue: SAM asks for it where an event is an SQS queue.
    "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole",
}
"""Policies of AWS' own, which allow by wildcard, each with the reason why it may stay."""


@pytest.mark.parametrize("file", FILES)
def test_every_wildcard_has_a_reason_beside_it(file: str) -> None:
    unreasoned = [one.where for one in written(PROJECT / file) if wildcards(one.statement) and not one.reasoned]
    assert unreasoned == []


def test_a_reason_is_a_comment_above_or_in_a_statement(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(
        """Statement:
- {Effect: Allow, Action: "s3:*", Resource: !Ref Bucket}
# Above.
- {Effect: Allow, Action: "s3:*", Resource: !Ref Bucket}
- {Effect: Allow, Action: s3:GetObject, Resource: "*"} # Beside.
- Effect: Allow
  Action: s3:GetObject
  Resource: "*"

  # Of the next.
- {Effect: Allow, Action: s3:GetObject, Resource: !Sub "${Bucket.Arn}/*"}
- {Effect: Allow, Action: s3:GetObject, Resource: !Sub "arn:${AWS::Partition}:s3:::*"}
- {Effect: Allow, Action: s3:GetObject, NotResource: !GetAtt Bucket.Arn}
- {Effect: Deny, Action: "s3:*", Resource: "*"}
"""
    )
    found = [(bool(wildcards(one.statement)), one.reasoned) for one in written(template)]
    wide = [(True, False), (True, True), (True, True), (True, False)]
    assert found == [*wide, (False, True), (True, False), (True, False)]


@pytest.mark.parametrize("deployed", ALL)
def test_nothing_is_allowed_by_wildcard_that_no_template_says(deployed: str) -> None:
    said = {tuple(actions(one.statement)) for file in FILES for one in written(PROJECT / file)}
    for resource in deployment(deployed).all():
        for statement in allowing(resource.properties):
            assert not wildcards(statement) or tuple(actions(statement)) in said, resource.path


@pytest.mark.parametrize("deployed", ALL)
def test_policies_of_aws_are_given_only_where_known(deployed: str) -> None:
    for role in resources(deployed, "AWS::IAM::Role"):
        given = [arn for arn in role.properties.get("ManagedPolicyArns", []) if arn.startswith("arn:")]
        assert set(given) <= MANAGED


@pytest.mark.parametrize("deployed", ALL)
def test_roles_are_taken_by_services_alone(deployed: str) -> None:
    for role in resources(deployed, "AWS::IAM::Role"):
        for statement in role.properties["AssumeRolePolicyDocument"]["Statement"]:
            assert set(statement["Principal"]) == {"Service"}


@pytest.mark.parametrize("deployed", ALL)
def test_every_role_is_used(deployed: str) -> None:
    body = json.dumps([resource.properties for resource in deployment(deployed).all()])
    waiting_for_an_image = {"Workers/OcrRole", "Workers/ReportsRole", "Workers/DefaultRole"}
    for role in resources(deployed, "AWS::IAM::Role"):
        assert role.attribute("Arn") in body or (deployed == "first deployment" and role.path in waiting_for_an_image)


@pytest.mark.parametrize("deployed", ALL)
def test_nothing_is_open_to_everybody(deployed: str) -> None:
    for resource in deployment(deployed).all():
        # What the policy of an endpoint allows to everybody, it allows to everybody inside the VPC.
        if resource.kind != "AWS::EC2::VPCEndpoint":
            for statement in allowing(resource.properties):
                assert statement.get("Principal") not in ("*", {"AWS": "*"}), resource.path


@pytest.mark.parametrize("deployed", ALL)
def test_no_function_has_an_address_of_its_own(deployed: str) -> None:
    assert deployment(deployed).all("AWS::Lambda::Url") == []
    for permission in resources(deployed, "AWS::Lambda::Permission"):
        assert permission.properties["SourceArn"]


@pytest.mark.parametrize("deployed", ALL)
def test_mail_leaves_under_one_name_and_texts_go_to_telephones_alone(deployed: str) -> None:
    given = deployment(deployed).parameters
    sending = [
        (resource.path, statement)
        for resource in resources(deployed, "AWS::IAM::Role")
        for statement in allowing(resource.properties)
        if {"ses:SendEmail", "ses:SendRawEmail", "sns:Publish"} & set(actions(statement))
    ]
    mails = [one for one in sending if "sns:Publish" not in actions(one[1])]
    assert len(mails) == bool(given["MailFrom"] and not given["SmtpUrl"])
    for path, statement in mails:
        assert path == "SendEmailFunctionRole"
        assert statement["Condition"] == {"StringEquals": {"ses:FromAddress": given["MailFrom"]}}
    [(path, texts)] = [one for one in sending if "sns:Publish" in actions(one[1])]
    assert (path, texts["NotResource"]) == ("SendSmsFunctionRole", "arn:*:sns:*:*:*")


@pytest.mark.parametrize("deployed", ALL)
def test_sns_may_send_texts_and_ask_for_opt_outs_in_the_functions_name(deployed: str) -> None:
    """SNS hands both on to End User Messaging, which looks at who asked SNS; nobody may ask it past SNS."""
    [statement] = [
        statement
        for resource in resources(deployed, "AWS::IAM::Role")
        for statement in allowing(resource.properties)
        if any(action.startswith("sms-voice:") for action in actions(statement)) and "SendSms" in resource.path
    ]
    assert set(actions(statement)) == {"sms-voice:SendTextMessage", "sms-voice:DescribeOptedOutNumbers"}
    assert statement["Condition"] == {"StringEquals": {"aws:CalledViaLast": "sns.amazonaws.com"}}


@pytest.mark.parametrize("deployed", WHOLE)
def test_every_worker_may_do_what_its_start_asks_for(deployed: str) -> None:
    """`workers.checks` reads both secrets and looks whether the bucket is there: HeadBucket takes s3:ListBucket."""
    for service in resources(deployed, "AWS::ECS::Service"):
        task = made_by(deployed, service.properties["TaskDefinition"])
        role = made_by(deployed, task.properties["TaskRoleArn"])
        policies = [made_by(deployed, arn).properties for arn in role.properties["ManagedPolicyArns"]]
        allowed = {action for statement in allowing([role.properties, *policies]) for action in actions(statement)}
        assert {"secretsmanager:GetSecretValue", "s3:ListBucket"} <= allowed
