"""Holds every answer to the API's own OpenAPI document."""

from __future__ import annotations

import re
from typing import Any

import httpx

Json = dict[str, Any]

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}


class Contract:
    """What an OpenAPI document promises. `seen` collects the (method, path, status) that were checked."""

    def __init__(self, document: Json) -> None:
        self._document = document
        self.seen: set[tuple[str, str, int]] = set()

    def check(self, answer: httpx.Response) -> None:
        """Assert that an answer's status, media type and body are documented; paths that are not ours pass."""
        answer.read()
        found = self._operation(answer.request.method.lower(), answer.request.url.path)
        if found is None:
            return
        path, operation = found
        said = operation["responses"].get(str(answer.status_code))
        assert said is not None, f"{answer.request.method} {path} does not document {answer.status_code}: {answer.text}"
        self.seen.add((answer.request.method, path, answer.status_code))
        self._check_body(said.get("content", {}), answer)

    def _check_body(self, content: Json, answer: httpx.Response) -> None:
        media_type = answer.headers.get("content-type", "").partition(";")[0]
        if not content:
            assert not answer.content
            return
        assert media_type in content, f"{media_type} is not documented: {answer.text}"
        if media_type.endswith("json"):
            self.validate(content[media_type]["schema"], answer.json(), "body")

    def _operation(self, method: str, path: str) -> tuple[str, Json] | None:
        # Fixed paths go before those with parameters.
        for template in sorted(self._document["paths"], key=lambda template: "{" in template):
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
                operation = self._document["paths"][template].get(method)
                return (template, operation) if operation else None
        return None

    def validate(self, schema: Json, value: Any, where: str) -> None:
        """Assert that a value is what a schema says, for the part of JSON Schema that the document uses."""
        if "$ref" in schema:
            schema = self._document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        if "anyOf" in schema:
            assert any(self._fits(variant, value) for variant in schema["anyOf"]), f"{where}: {value!r}"
            return
        if "type" in schema:
            assert isinstance(value, _TYPES[schema["type"]]), f"{where}: {value!r} is no {schema['type']}"
        assert value in schema.get("enum", [value]), f"{where}: {value!r}"
        assert value == schema.get("const", value), f"{where}: {value!r}"
        if isinstance(value, dict):
            self._validate_object(schema, value, where)
        if isinstance(value, list):
            for index, item in enumerate(value):
                self.validate(schema.get("items", {}), item, f"{where}[{index}]")

    def _validate_object(self, schema: Json, value: Json, where: str) -> None:
        missing = set(schema.get("required", [])) - set(value)
        assert not missing, f"{where} lacks {missing}"
        known = schema.get("properties", {})
        if known:
            assert set(value) <= set(known), f"{where} has {set(value) - set(known)}, which are not documented"
        for name, field in known.items():
            if name in value:
                self.validate(field, value[name], f"{where}.{name}")

    def _fits(self, schema: Json, value: Any) -> bool:
        try:
            self.validate(schema, value, "")
        except AssertionError:
            return False
        return True
