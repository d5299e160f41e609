"""What `template.yaml` promises, checked on what SAM makes of it: the resources CloudFormation really gets."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from infra.local.aws import PARAMETERS
from infra.local.checks import tool
from shared.config import ApiSettings, IngestSettings, RelaySettings, Settings

PROJECT = Path(__file__).parents[2]
SETTINGS: dict[str, type[Settings]] = {
    "ApiFunction": ApiSettings,
    "IngestFunction": IngestSettings,
    "RelayOutboxFunction": RelaySettings,
}

Resource = dict[str, Any]


@cache
def template() -> dict[str, Any]:
    """The template after the SAM transform."""
    command = [tool("emulator", "python"), PROJECT / "tests/infra/transform.py", PROJECT / "template.yaml"]
    made: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return made


def resources(kind: str) -> dict[str, Resource]:
    """Every resource of one type, by logical id."""
    found = {name: made for name, made in template()["Resources"].items() if made["Type"] == kind}
    assert found, f"no {kind}"
    return found


FUNCTIONS = sorted(resources("AWS::Lambda::Function"))


def functions() -> Iterator[tuple[str, Resource]]:
    """Each function's logical id and properties."""
    for name, function in resources("AWS::Lambda::Function").items():
        yield name, function["Properties"]


def test_every_function_is_known_to_these_tests() -> None:
    assert set(FUNCTIONS) == set(SETTINGS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_gets_the_settings_it_cannot_do_without(name: str) -> None:
    required = {key.upper() for key, field in SETTINGS[name].model_fields.items() if field.is_required()}
    declared = set(resources("AWS::Lambda::Function")[name]["Properties"]["Environment"]["Variables"])
    assert required <= declared


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_function_gets_a_variable_that_nothing_reads(name: str) -> None:
    read = {key.upper() for key in SETTINGS[name].model_fields} | {"POWERTOOLS_SERVICE_NAME", "LOG_LEVEL"}
    declared = set(resources("AWS::Lambda::Function")[name]["Properties"]["Environment"]["Variables"])
    assert declared <= read


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_handler_exists(name: str) -> None:
    module, _, attribute = resources("AWS::Lambda::Function")[name]["Properties"]["Handler"].rpartition(".")
    found = importlib.util.find_spec(module)
    assert found is not None
    assert found.origin is not None
    assert attribute in Path(found.origin).read_text()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_build_knows_the_folder_of_every_function(name: str) -> None:
    handler = resources("AWS::Lambda::Function")[name]["Properties"]["Handler"]
    folder = handler.split(".")[1]
    assert f"build-{name}: FOLDER := {folder}\n" in (PROJECT / "infra/lambda/Makefile").read_text()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_logs_into_a_group_that_forgets(name: str) -> None:
    group = resources("AWS::Lambda::Function")[name]["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
    assert "RetentionInDays" in resources("AWS::Logs::LogGroup")[group]["Properties"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_a_role_of_its_own(name: str) -> None:
    roles = [function["Role"]["Fn::GetAtt"][0] for _, function in functions()]
    assert roles.count(f"{name}Role") == 1


def test_the_api_answers_before_the_gateway_gives_up() -> None:
    assert resources("AWS::Lambda::Function")["ApiFunction"]["Properties"]["Timeout"] < 30


def test_every_queue_is_invisible_for_six_times_its_function_timeout() -> None:
    for mapping in resources("AWS::Lambda::EventSourceMapping").values():
        queue = template()["Resources"][mapping["Properties"]["EventSourceArn"]["Fn::GetAtt"][0]]["Properties"]
        function = template()["Resources"][mapping["Properties"]["FunctionName"]["Ref"]]["Properties"]
        assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]


def test_a_batch_gives_back_only_what_failed() -> None:
    for mapping in resources("AWS::Lambda::EventSourceMapping").values():
        assert mapping["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_every_queue_that_feeds_a_function_has_dead_letters_that_outlive_it() -> None:
    queues = resources("AWS::SQS::Queue")
    for mapping in resources("AWS::Lambda::EventSourceMapping").values():
        queue = queues[mapping["Properties"]["EventSourceArn"]["Fn::GetAtt"][0]]["Properties"]
        redrive = queue["RedrivePolicy"]
        dead_letters = queues[redrive["deadLetterTargetArn"]["Fn::GetAtt"][0]]["Properties"]
        assert redrive["maxReceiveCount"] >= 3
        assert dead_letters["MessageRetentionPeriod"] >= queue["MessageRetentionPeriod"]


def test_every_queue_is_encrypted() -> None:
    assert all(queue["Properties"]["SqsManagedSseEnabled"] is True for queue in resources("AWS::SQS::Queue").values())


def test_events_that_cannot_be_delivered_are_kept() -> None:
    for rule in resources("AWS::Events::Rule").values():
        assert all("DeadLetterConfig" in target for target in rule["Properties"]["Targets"])


def test_only_the_upload_rule_may_send_to_the_queue() -> None:
    [policy] = resources("AWS::SQS::QueuePolicy").values()
    [statement] = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"]["ArnEquals"] == {"aws:SourceArn": {"Fn::GetAtt": ["UploadedRule", "Arn"]}}


def allowing_statements() -> Iterator[dict[str, Any]]:
    """Every statement that allows something, wherever it stands."""
    stack: list[Any] = [template()["Resources"]]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if node.get("Effect") == "Allow":
                yield node
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)


def test_nothing_is_allowed_by_wildcard() -> None:
    statements = list(allowing_statements())
    assert statements
    for statement in statements:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not [action for action in actions if "*" in action]
        assert statement.get("Resource") != "*"


def test_no_bucket_is_public() -> None:
    for bucket in resources("AWS::S3::Bucket").values():
        assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}


def test_documents_are_encrypted_and_outlive_the_stack() -> None:
    for bucket in resources("AWS::S3::Bucket").values():
        assert "BucketEncryption" in bucket["Properties"]
        assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"


def test_buckets_refuse_requests_without_tls() -> None:
    refused = {policy["Properties"]["Bucket"]["Ref"] for policy in resources("AWS::S3::BucketPolicy").values()}
    assert refused == set(resources("AWS::S3::Bucket"))


def test_uploads_that_were_given_up_cost_nothing() -> None:
    for bucket in resources("AWS::S3::Bucket").values():
        rules = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
        assert any("AbortIncompleteMultipartUpload" in rule for rule in rules)


def test_only_uploads_are_ingested() -> None:
    pattern = resources("AWS::Events::Rule")["UploadedRule"]["Properties"]["EventPattern"]
    assert pattern["detail"]["object"]["key"] == [{"prefix": "uploads/"}]
    assert pattern["detail-type"] == ["Object Created"]


def test_the_relay_runs_every_minute() -> None:
    [schedule] = resources("AWS::Scheduler::Schedule").values()
    assert schedule["Properties"]["ScheduleExpression"] == "rate(1 minute)"
    assert schedule["Properties"]["Target"]["Arn"] == {"Fn::GetAtt": ["RelayOutboxFunction", "Arn"]}


def test_secrets_are_not_shown() -> None:
    parameters = template()["Parameters"]
    assert parameters["DatabaseUrl"]["NoEcho"] is True
    assert parameters["RedisUrl"]["NoEcho"] is True


def test_every_parameter_is_explained_and_used() -> None:
    body = json.dumps({key: template()[key] for key in ("Resources", "Conditions")})
    for name, parameter in template()["Parameters"].items():
        assert parameter["Description"]
        assert f'"Ref": "{name}"' in body


def test_the_local_stack_sets_parameters_that_exist() -> None:
    assert set(PARAMETERS.values()) <= set(template()["Parameters"])
