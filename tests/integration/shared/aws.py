"""boto3 pointed at an endpoint of a test's own."""

from __future__ import annotations

import pytest

from tests.support.aws_endpoint import AwsEndpoint


def point_at(monkeypatch: pytest.MonkeyPatch, endpoint: AwsEndpoint | str) -> None:
    """Let clients made from now on ask `endpoint`."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint if isinstance(endpoint, str) else endpoint.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
