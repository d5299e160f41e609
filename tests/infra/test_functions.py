"""Every function: what it is given, what it may, where it writes, that its code exists."""

from __future__ import annotations

import importlib.util
import json
import re
from collections import Counter
from pathlib import Path

import pytest

from infra.local.aws import PARAMETERS
from shared.adapters import ses, sns
from shared.config import Broker, Database, LightDelivery, Outbound, Sending
from shared.contracts import LIGHT_QUEUES
from tests.infra.deployments import ALL, GIVEN, MAKING_DATA, REACHING_OUT, WITH_SECRETS, deployment, made_by, resources
from tests.infra.policies import actions, allowing
from tests.infra.settings import AT_THEIR_DEFAULTS, FUNCTIONS, LEAVES_ALONE, READ_BY_OTHERS, loaded, read, required
from tests.infra.stacks import PROJECT, ROOT, Resource, Stack

FUNCTION = "AWS::Lambda::Function"
CASES = [(name, function) for name in ALL for function in FUNCTIONS]


STORES = {"DATABASE_SECRET_ARN", "REDIS_SECRET_ARN"}
OUTWARD = {"SendEmailFunction", "DeliverWebhookFunction"}
"""Those that call servers on ports of the servers' choice."""

SENDERS = sorted(name for name, kind in FUNCTIONS.items() if issubclass(kind, Sending))


def function(deployed: str, name: str) -> Resource:
    """One function of one deployment."""
    return deployment(deployed).own[name]


def environment(one: Resource) -> dict[str, str]:
    """What it is given."""
    return {name: str(value) for name, value in one.properties["Environment"]["Variables"].items()}


@pytest.mark.parametrize("name", ALL)
def test_every_function_is_known_to_these_tests(name: str) -> None:
    assert {one.path for one in resources(name, FUNCTION)} == set(FUNCTIONS)


@pytest.mark.parametrize(("deployed", "name"), CASES)
def test_every_function_gets_the_settings_it_cannot_do_without(deployed: str, name: str) -> None:
    given = environment(function(deployed, name))
    assert {key for key in required(FUNCTIONS[name]) if not given.get(key)} == set()


@pytest.mark.parametrize(("deployed", "name"), CASES)
def test_no_function_gets_a_variable_that_nothing_reads(deployed: str, name: str) -> None:
    used = read(FUNCTIONS[name]) - LEAVES_ALONE.get(name, set())
    assert set(environment(function(deployed, name))) <= used | READ_BY_OTHERS


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_gets_whatever_it_reads_and_can_be_set(name: str) -> None:
    used = read(FUNCTIONS[name]) - LEAVES_ALONE.get(name, set()) - AT_THEIR_DEFAULTS
    assert used <= set(environment(function("everything on", name)))


@pytest.mark.parametrize(("deployed", "name"), CASES)
def test_every_function_accepts_what_it_is_given(deployed: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert loaded(FUNCTIONS[name], environment(function(deployed, name)), monkeypatch)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_limits_that_can_be_set_reach_every_function_that_keeps_them(name: str) -> None:
    given = environment(function("one machine", name))
    assert set(PARAMETERS) & read(FUNCTIONS[name]) - LEAVES_ALONE.get(name, set()) <= set(given)


@pytest.mark.parametrize("deployed", WITH_SECRETS)
def test_no_environment_of_a_function_holds_a_secret(deployed: str) -> None:
    for name, kind in FUNCTIONS.items():
        given = environment(function(deployed, name))
        for group in (Database, Broker):
            url, secret = (next(key for key in read(group) if key.endswith(end)) for end in ("_URL", "_SECRET_ARN"))
            if url in read(kind):
                assert "@" not in given[url]
                assert given[secret]


@pytest.mark.parametrize(("deployed", "name"), CASES)
def test_every_function_may_read_the_secrets_it_is_given_and_no_others(deployed: str, name: str) -> None:
    one = function(deployed, name)
    role = made_by(deployed, one.properties["Role"]).properties
    policies = [made_by(deployed, arn).properties for arn in role["ManagedPolicyArns"] if arn.startswith("${")]
    readable = [
        statement["Resource"]
        for statement in allowing([role, *policies])
        if "secretsmanager:GetSecretValue" in actions(statement)
    ]
    given = [value for key, value in environment(one).items() if key.endswith("_SECRET_ARN") and value]
    assert sorted(readable) == sorted(given)
    stores = {key for key, value in environment(one).items() if key in STORES and value}
    assert bool(stores) == (deployed in WITH_SECRETS)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_handler_exists(name: str) -> None:
    module, _, attribute = function("one machine", name).properties["Handler"].rpartition(".")
    found = importlib.util.find_spec(module)
    assert found is not None
    assert found.origin is not None
    assert attribute in Path(found.origin).read_text()


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_the_build_knows_every_function_by_the_name_of_its_folder(name: str) -> None:
    folder = function("one machine", name).properties["Handler"].split(".")[1]
    assert "".join(word.capitalize() for word in folder.split("_")) + "Function" == name
    assert f"build-{name}" in (PROJECT / "infra/lambda/Makefile").read_text().split()


@pytest.mark.parametrize("deployed", ALL)
def test_every_function_logs_into_a_group_of_its_own_that_forgets(deployed: str) -> None:
    groups = [made_by(deployed, one.properties["LoggingConfig"]["LogGroup"]) for one in resources(deployed, FUNCTION)]
    assert all(group.properties["RetentionInDays"] for group in groups)
    assert len({group.path for group in groups}) == len(groups)


@pytest.mark.parametrize("deployed", ALL)
def test_every_function_has_a_role_of_its_own(deployed: str) -> None:
    roles = Counter(one.properties["Role"] for one in resources(deployed, FUNCTION))
    assert set(roles.values()) == {1}
    assert all(made_by(deployed, role).kind == "AWS::IAM::Role" for role in roles)


@pytest.mark.parametrize("deployed", MAKING_DATA)
def test_every_function_reaches_the_data_stores_from_private_subnets(deployed: str) -> None:
    for one in resources(deployed, FUNCTION):
        network = one.properties["VpcConfig"]
        groups = [made_by(deployed, group).path for group in network["SecurityGroupIds"]]
        outward = ["Network/OutwardSecurityGroup"] if one.path in OUTWARD else []
        assert groups == ["Network/FunctionsSecurityGroup", *outward]
        assert len(network["SubnetIds"]) == 2
        assert all("/Private" in made_by(deployed, subnet).path for subnet in network["SubnetIds"])


def test_the_api_answers_before_the_gateway_gives_up() -> None:
    assert function("one machine", "ApiFunction").properties["Timeout"] < 30


@pytest.mark.parametrize("deployed", ALL)
def test_only_published_versions_are_snapped(deployed: str) -> None:
    """SnapStart does nothing for $LATEST: who calls the function must call an alias of a version."""
    for one in resources(deployed, FUNCTION):
        if one.properties.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions":
            aliases = deployment(deployed).all("AWS::Lambda::Alias")
            assert [alias for alias in aliases if alias.properties["FunctionName"] == one.ref]


@pytest.mark.parametrize("deployed", ALL)
def test_the_apis_version_tells_of_all_that_its_environment_cannot(deployed: str) -> None:
    """Lambda takes 256 characters; whatever is given, a name of a release of 64 still fits."""
    [version] = resources(deployed, "AWS::Lambda::Version")
    said = version.properties["Description"]
    # The ids of a cluster and a broker are known later: 34 and up to 40 characters.
    longest = re.sub(r"\$\{[^}]*DBClusterResourceId\}", "x" * 34, re.sub(r"\$\{[^}]*Broker\}", "x" * 40, said))
    assert len(longest) + 64 <= 256


def test_a_channel_that_is_switched_on_makes_a_new_version_of_the_api() -> None:
    def version(**given: str) -> str:
        stack = Stack(ROOT, {**GIVEN["data stores brought"], **given})
        [made] = stack.all("AWS::Lambda::Version")
        return str(made.properties["Description"])

    changed = [{}, {"MailFrom": "a@example.com"}, {"SmsEnabled": "true"}, {"SmsMonthlyDollars": "2"}]
    assert len({version(**given) for given in changed}) == len(changed)


@pytest.mark.parametrize("name", SENDERS)
def test_a_function_ends_before_its_messages_belong_to_another(name: str) -> None:
    """Nobody renews the lease of a message."""
    assert function("one machine", name).properties["Timeout"] < LightDelivery().light_lease_seconds


def test_a_batch_of_slow_receivers_fits_into_the_functions_time() -> None:
    """With as long as one delivery to spare, for the database."""
    seconds = Outbound().outbound_timeout_seconds
    assert (batch_of("WebhookQueue") + 1) * seconds <= function("one machine", "DeliverWebhookFunction").properties[
        "Timeout"
    ]


def test_a_slow_receiver_holds_up_nobody_elses_delivery() -> None:
    assert batch_of("WebhookQueue") == 1


@pytest.mark.parametrize("name", ["ApiFunction", "DeliverWebhookFunction", "RunScheduleFunction"])
def test_who_only_asks_whether_mail_is_sent_learns_no_name(name: str) -> None:
    assert environment(function("everything on", name))["MAIL_FROM"] == GIVEN["everything on"]["MailFrom"]
    assert environment(function("first deployment", name))["MAIL_FROM"] == ""


def test_a_page_may_read_the_headers_that_answers_have() -> None:
    """Scripts see no others, whatever the API answers with."""
    [api] = resources("everything on", "AWS::ApiGatewayV2::Api")
    shown = set(api.properties["CorsConfiguration"]["ExposeHeaders"])
    assert {"location", "retry-after", "idempotent-replay", "x-request-id"} <= shown


def test_a_batch_of_silent_providers_fits_into_the_functions_time() -> None:
    """Connecting and waiting for an answer each take as long as they may; SNS is asked twice."""
    for queue, name, seconds in (
        ("EmailQueue", "SendEmailFunction", 2 * ses.SECONDS),
        ("BulkEmailQueue", "SendEmailFunction", 2 * ses.SECONDS),
        ("SmsQueue", "SendSmsFunction", 4 * sns.SECONDS),
    ):
        assert batch_of(queue) * seconds < function("one machine", name).properties["Timeout"], queue


def batch_of(queue: str) -> int:
    """The most messages of a queue that its function gets at once."""
    mappings = resources("one machine", "AWS::Lambda::EventSourceMapping")
    [size] = [
        one.properties["BatchSize"]
        for one in mappings
        if made_by("one machine", one.properties["EventSourceArn"]).path == queue
    ]
    return int(size)


@pytest.mark.parametrize("deployed", ALL)
def test_who_sends_may_send_to_the_queues_it_knows_and_no_others(deployed: str) -> None:
    for one in resources(deployed, FUNCTION):
        known = json.loads(environment(one).get("LIGHT_QUEUES") or "{}")
        queues = {made_by(deployed, url).attribute("Arn") for url in known.values()}
        allowed = allowed_resources(deployed, one, "sqs:SendMessage")
        assert queues <= allowed, one.path
        assert (queues == allowed) == (deployed in REACHING_OUT or not allowed), one.path
        if EVERY_QUEUE.get(one.path):
            assert set(known) >= EVERY_QUEUE[one.path] or deployed not in REACHING_OUT


EVERY_QUEUE = {
    # It sends dead letters back as they were, those that are no jobs too.
    "ApiFunction": {*LIGHT_QUEUES, "feedback", "ingest"},
    "RelayOutboxFunction": set(LIGHT_QUEUES),
}


@pytest.mark.parametrize("deployed", ALL)
def test_who_tells_the_bus_may_and_only_where_there_is_a_way(deployed: str) -> None:
    telling = {one.path for one in resources(deployed, FUNCTION) if environment(one).get("EVENT_BUS_NAME")}
    assert telling == ({"ApiFunction", "IngestFunction", "RelayOutboxFunction"} if deployed in REACHING_OUT else set())
    for one in resources(deployed, FUNCTION):
        if one.path in telling:
            [bus] = resources(deployed, "AWS::Events::EventBus")
            assert allowed_resources(deployed, one, "events:PutEvents") == {bus.attribute("Arn")}


def allowed_resources(deployed: str, one: Resource, action: str) -> set[str]:
    """The resources on which a function's own role allows an action."""
    role = made_by(deployed, one.properties["Role"]).properties
    found: set[str] = set()
    for statement in allowing(role):
        if action in actions(statement):
            given = statement["Resource"]
            found |= set(given) if isinstance(given, list) else {given}
    return found


@pytest.mark.parametrize("deployed", ALL)
def test_every_function_is_traced(deployed: str) -> None:
    for one in resources(deployed, FUNCTION):
        assert one.properties["TracingConfig"] == {"Mode": "Active"}
