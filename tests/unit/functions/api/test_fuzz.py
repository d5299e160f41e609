"""Whatever is sent, the answer is no 500, and documented: the clients hold every answer to the OpenAPI document."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.functions.api.conftest import PNG

# The server and its database live longer than one example; that is what is tested.
FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)
header_values = st.binary(max_size=60).map(
    lambda raw: bytes(byte for byte in raw if byte not in b"\r\n\x00" and byte >= 32).strip()
)
OPTIONS = ["filename", "media_type", "size_bytes", "engine", "languages", "pages", "password", "metadata", "priority"]
QUERIES = ["limit", "cursor", "status", "created_after", "created_before", "wait", "after", "words", "format"]
PATHS = ["", "/{id}", "/{id}/pages", "/{id}/result", "/{id}/cancel", "/{id}/retry"]


def no_fault(answer: httpx.Response) -> None:
    assert answer.status_code < 500, answer.text


@FUZZ
@given(body=st.dictionaries(st.sampled_from(OPTIONS) | st.text(), json_values, max_size=9))
def test_any_json_to_uploads(client: httpx.Client, body: dict[str, Any]) -> None:
    valid = {"filename": "a.png", "media_type": "image/png", "size_bytes": 9}
    no_fault(client.post("/v1/uploads", json=body))
    no_fault(client.post("/v1/uploads", json=valid | body))


@FUZZ
@given(body=st.dictionaries(st.sampled_from(["name", "account", "role"]), json_values))
def test_any_json_to_keys(admin: httpx.Client, body: dict[str, Any]) -> None:
    no_fault(admin.post("/v1/keys", json={"name": "a"} | body))


@FUZZ
@given(
    path=st.sampled_from(PATHS),
    name=st.text(max_size=40),
    query=st.dictionaries(st.sampled_from(QUERIES), st.text(max_size=40), max_size=3),
    method=st.sampled_from(["GET", "POST", "DELETE", "PATCH"]),
)
def test_any_path_and_query(client: httpx.Client, path: str, name: str, query: dict[str, str], method: str) -> None:
    for document_id in (str(uuid4()), quote(name, safe="") or "-"):
        no_fault(client.request(method, "/v1/documents" + path.replace("{id}", document_id), params=query))


@FUZZ
@given(
    head=st.binary(max_size=300),
    options=st.dictionaries(st.sampled_from(OPTIONS[3:]), st.text(max_size=60), max_size=4),
)
def test_any_form(client: httpx.Client, head: bytes, options: dict[str, str]) -> None:
    raw = b"--frontier\r\nContent-Disposition: form-data; " + head + b"\r\n\r\n" + PNG + b"\r\n--frontier--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=frontier"}
    no_fault(client.post("/v1/documents", content=raw, headers=headers))
    no_fault(client.post("/v1/documents", files={"file": ("a.png", PNG)}, data=options))


@FUZZ
@given(name=st.text(max_size=300))
def test_any_file_name(client: httpx.Client, name: str) -> None:
    escaped = name.encode("utf-8", "surrogatepass").replace(b'"', b"%22").replace(b"\r", b"").replace(b"\n", b"")
    raw = b'--frontier\r\nContent-Disposition: form-data; name="file"; filename="' + escaped + b'"\r\n\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=frontier"}
    no_fault(client.post("/v1/documents", content=raw + PNG + b"\r\n--frontier--\r\n", headers=headers))


@FUZZ
@given(
    name=st.sampled_from(["X-API-Key", "Authorization", "Idempotency-Key", "X-Request-ID", "Content-Type"]),
    value=header_values,
)
def test_any_header(client: httpx.Client, name: str, value: bytes) -> None:
    request = client.build_request("POST", "/v1/uploads", content=b"{}")
    others = [(key, other) for key, other in request.headers.raw if key.lower() != name.lower().encode()]
    request.headers = httpx.Headers([*others, (name.encode(), value)])
    no_fault(client.send(request))
