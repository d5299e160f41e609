"""Engines that others run: allowed, reachable and configured where they are switched on, and nowhere else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.config import DeepSeek, Reading, Remote, Settings, Textract
from tests.infra.deployments import MAKING_DATA, WHOLE, deployment, made_by, resources
from tests.infra.policies import actions, allowing
from tests.infra.settings import loaded

TEXTRACT = {"textract:DetectDocumentText", "textract:StartDocumentTextDetection", "textract:GetDocumentTextDetection"}


def environments(deployed: str) -> dict[str, dict[str, str]]:
    """What the worker of each fleet is given."""
    found = {}
    for service in resources(deployed, "AWS::ECS::Service"):
        [container] = made_by(deployed, service.properties["TaskDefinition"]).properties["ContainerDefinitions"]
        given: list[dict[str, Any]] = container["Environment"]
        found[service.properties["ServiceName"]] = {one["Name"]: str(one["Value"]) for one in given}
    return found


@pytest.mark.parametrize("deployed", MAKING_DATA)
def test_textract_and_the_models_key_are_for_readers_alone_and_only_where_they_are_used(deployed: str) -> None:
    given = deployment(deployed).parameters
    for role in resources(deployed, "AWS::IAM::Role"):
        allowed = list(allowing(role.properties))
        textract = {action for one in allowed for action in actions(one) if action.startswith("textract:")}
        reads = role.path == "Workers/OcrRole"
        assert textract == (TEXTRACT if reads and given["TextractEnabled"] == "true" else set())
        if given["DeepSeekSecretArn"]:
            assert (given["DeepSeekSecretArn"] in json.dumps(allowed)) == reads


@pytest.mark.parametrize("deployed", WHOLE)
@pytest.mark.parametrize("kind", [DeepSeek, Textract, Remote, Reading])
def test_readers_get_what_was_said_and_others_the_defaults(
    deployed: str, kind: type[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    for fleet, environment in environments(deployed).items():
        settings = loaded(kind, environment, monkeypatch)
        if fleet != "ocr":
            assert settings == loaded(kind, {}, monkeypatch)
        elif deployed == "everything on" and isinstance(settings, DeepSeek):
            assert settings.deepseek_url == "https://models.example.com/v1"
        elif deployed == "everything on" and isinstance(settings, Textract):
            assert settings.textract_enabled
        elif deployed != "everything on":
            # What the template proposes is what the code does by itself.
            assert settings == loaded(kind, {}, monkeypatch)
