"""Every function: what it is given, what it may, where it writes, that its code exists."""

from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path

import pytest

from infra.local.aws import PARAMETERS
from shared.config import Broker, Database
from tests.infra.deployments import ALL, MAKING_DATA, WITH_SECRETS, deployment, made_by, resources
from tests.infra.policies import actions, allowing
from tests.infra.settings import FUNCTIONS, READ_BY_OTHERS, loaded, read, required
from tests.infra.stacks import PROJECT, Resource

FUNCTION = "AWS::Lambda::Function"
CASES = [(name, function) for name in ALL for function in FUNCTIONS]


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
    assert set(environment(function(deployed, name))) <= read(FUNCTIONS[name]) | READ_BY_OTHERS


@pytest.mark.parametrize(("deployed", "name"), CASES)
def test_every_function_accepts_what_it_is_given(deployed: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert loaded(FUNCTIONS[name], environment(function(deployed, name)), monkeypatch)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_limits_that_can_be_set_reach_every_function_that_keeps_them(name: str) -> None:
    given = environment(function("one machine", name))
    assert set(PARAMETERS) & read(FUNCTIONS[name]) <= set(given)


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
    assert bool(given) == (deployed in WITH_SECRETS)


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
        assert [made_by(deployed, group).kind for group in network["SecurityGroupIds"]] == ["AWS::EC2::SecurityGroup"]
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
