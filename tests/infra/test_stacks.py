"""The templates fit together: what is passed is declared, what is referred to is made, whatever the conditions."""

from __future__ import annotations

import json

import pytest

from infra.local.aws import PARAMETERS
from tests.infra.deployments import ALL, deployment
from tests.infra.stacks import FILES, NESTED, ROOT, templates

SECRETS = {"DatabaseUrl", "RedisUrl"}


@pytest.mark.parametrize("name", ALL)
def test_every_reference_parameter_and_output_exists(name: str) -> None:
    for stack in deployment(name).stacks():
        assert stack.own
        assert isinstance(stack.outputs, dict)


@pytest.mark.parametrize("name", ALL)
def test_no_rule_is_against_it(name: str) -> None:
    assert [refused for stack in deployment(name).stacks() for refused in stack.refused()] == []


def test_every_nested_template_is_deployed_by_the_first() -> None:
    deployed = {
        raw["Properties"]["TemplateURL"] for raw in templates()[ROOT]["Resources"].values() if raw["Type"] == NESTED
    }
    assert deployed == set(FILES) - {ROOT}


@pytest.mark.parametrize("file", FILES)
def test_every_parameter_is_used(file: str) -> None:
    template = templates()[file]
    body = json.dumps({key: template.get(key) for key in ("Resources", "Conditions", "Rules", "Outputs")})
    for name in template.get("Parameters", {}):
        assert f'"Ref": "{name}"' in body or f"${{{name}}}" in body, name


def test_every_parameter_a_person_gives_is_explained() -> None:
    assert [
        name for name, parameter in templates()[ROOT]["Parameters"].items() if not parameter.get("Description")
    ] == []


@pytest.mark.parametrize("file", FILES)
def test_every_condition_is_used(file: str) -> None:
    template = templates()[file]
    body = json.dumps(template)
    for name in template.get("Conditions", {}):
        assert f'"Condition": "{name}"' in body or f'"Fn::If": ["{name}"' in body, name


def test_every_output_of_a_nested_stack_is_taken() -> None:
    body = json.dumps(templates()[ROOT])
    for name, raw in templates()[ROOT]["Resources"].items():
        if raw["Type"] == NESTED:
            for output in templates()[raw["Properties"]["TemplateURL"]].get("Outputs", {}):
                taken = f'["{name}", "Outputs.{output}"]' in body or f"${{{name}.Outputs.{output}}}" in body
                assert taken, f"{name}.Outputs.{output}"


def test_secrets_are_not_shown() -> None:
    assert {name for name, parameter in templates()[ROOT]["Parameters"].items() if parameter.get("NoEcho")} >= SECRETS


def test_the_local_stack_sets_parameters_that_exist() -> None:
    assert set(PARAMETERS.values()) <= set(templates()[ROOT]["Parameters"])


@pytest.mark.parametrize("name", ALL)
def test_what_holds_state_outlives_its_stack(name: str) -> None:
    for resource in deployment(name).all("AWS::S3::Bucket", "AWS::RDS::DBCluster"):
        assert resource.raw["DeletionPolicy"] in {"RetainExceptOnCreate", "Snapshot"}
        assert resource.raw["UpdateReplacePolicy"] in {"Retain", "Snapshot"}
