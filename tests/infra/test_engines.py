"""Engines that others run: allowed, reachable and configured where they are switched on, and nowhere else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.config import DeepSeek, Extraction, Prices, Reading, Remote, Settings, Textract, TextractPrice
from tests.infra.deployments import ALL, MAKING_DATA, WHOLE, deployment, made_by, resources
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
        for secret in ("DeepSeekSecretArn", "ExtractorSecretArn"):
            if given[secret]:
                assert (given[secret] in json.dumps(allowed)) == reads


@pytest.mark.parametrize("deployed", WHOLE)
@pytest.mark.parametrize("kind", [DeepSeek, Extraction, Textract, Remote, Reading])
def test_readers_get_what_was_said_and_others_the_defaults(
    deployed: str, kind: type[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    for fleet, environment in environments(deployed).items():
        settings = loaded(kind, environment, monkeypatch)
        if fleet != "ocr":
            assert settings == loaded(kind, {}, monkeypatch)
        elif deployed == "everything on" and isinstance(settings, Extraction):
            assert settings.extractor == "llm"
            assert settings.extractor_url == "https://language.example.com/v1"
            assert (settings.extractor_model, settings.extractor_input_dollars) == ("small", 2)
        elif deployed == "everything on" and isinstance(settings, DeepSeek):
            assert settings.deepseek_url == "https://models.example.com/v1"
        elif deployed == "everything on" and isinstance(settings, Textract):
            assert settings.textract_enabled
        elif deployed != "everything on":
            # What the template proposes is what the code does by itself.
            assert settings == loaded(kind, {}, monkeypatch)


@pytest.mark.parametrize("deployed", ALL)
def test_the_api_reckons_with_the_prices_that_were_said(deployed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    api = deployment(deployed).own["ApiFunction"]
    given = {name: str(value) for name, value in api.properties["Environment"]["Variables"].items()}
    prices, textract = (loaded(kind, given, monkeypatch) for kind in (Prices, TextractPrice))
    assert isinstance(prices, Prices)
    assert isinstance(textract, TextractPrice)
    if deployed == "everything on":
        assert (prices.vcpu_hour_dollars, textract.textract_page_dollars) == (0.03, 0.002)
    else:
        assert prices == loaded(Prices, {}, monkeypatch)
        assert textract == loaded(TextractPrice, {}, monkeypatch)
