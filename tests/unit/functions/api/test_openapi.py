"""The OpenAPI document says what is so."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import httpx
import pytest

from shared.services.options import DocumentOptions
from tests.unit.functions.api.conftest import Connect

Json = dict[str, Any]


@pytest.fixture
def document(connect: Connect) -> Json:
    document: Json = connect(None).get("/openapi.json").json()
    return document


def operations(document: Json) -> list[tuple[str, str, Json]]:
    return [(method, path, operation) for path, item in document["paths"].items() for method, operation in item.items()]


def test_every_route_under_v1_needs_one_of_two_keys_and_says_so(document: Json) -> None:
    assert set(document["components"]["securitySchemes"]) == {"Bearer", "X-API-Key"}
    for _, path, operation in operations(document):
        if path.startswith("/v1/"):
            assert sorted(operation["security"], key=str) == [{"Bearer": []}, {"X-API-Key": []}]
            assert "401" in operation["responses"]
        else:
            assert "security" not in operation


def test_every_error_is_a_problem(document: Json) -> None:
    for method, path, operation in operations(document):
        for status, response in operation["responses"].items():
            # Whoever opens an unsubscribe link is a person.
            if int(status) >= 400 and (path, status) not in {("/unsubscribe", "403"), ("/unsubscribe", "422")}:
                schema = response["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}, (method, path, status)
                assert list(response["content"]) == ["application/problem+json"]


def test_whatever_takes_a_body_says_how_it_refuses_one(document: Json) -> None:
    for method, path, operation in operations(document):
        if method in {"post", "patch"}:
            assert "413" in operation["responses"], path
            if "requestBody" in operation or operation.get("parameters", [{"in": "path"}])[-1]["in"] != "path":
                assert "422" in operation["responses"], path
            if any(one["name"] == "Idempotency-Key" for one in operation.get("parameters", [])):
                assert "Retry-After" in operation["responses"]["409"]["headers"], path


def test_a_body_that_is_too_large_is_refused_everywhere(document: Json, connect: Connect) -> None:
    # The client holds each answer to the document.
    for method, path, _ in operations(document):
        if method in {"post", "patch"}:
            where = re.sub(r"\{\w+\}", str(uuid4()), path)
            assert connect(None).request(method, where, content=bytes(6_000_000)).status_code == 413, path


def test_every_reference_leads_somewhere(document: Json) -> None:
    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                assert node["$ref"].rsplit("/", 1)[1] in document["components"]["schemas"]
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)


def test_the_form_documents_every_option(document: Json) -> None:
    body = document["paths"]["/v1/documents"]["post"]["requestBody"]
    form = body["content"]["multipart/form-data"]["schema"]
    assert set(form["properties"]) == {"file", "force", *DocumentOptions.model_fields}
    assert form["required"] == ["file"]
    assert all(field["description"] for field in form["properties"].values())


def test_operations_have_names_of_their_own(document: Json) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))


def test_the_documentation_is_served(connect: Connect) -> None:
    answer: httpx.Response = connect(None).get("/docs")
    assert answer.status_code == 200
    assert "openapi.json" in answer.text
