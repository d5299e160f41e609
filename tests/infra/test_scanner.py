"""Exceptions from the rules of the security scanner have their reasons beside them."""

from __future__ import annotations

import re

import pytest

from tests.infra.stacks import FILES, PROJECT


def test_every_rule_that_is_left_out_everywhere_has_a_reason() -> None:
    listed = (PROJECT / ".checkov.yaml").read_text().partition("skip-check:\n")[2].splitlines()
    assert listed
    for line in listed:
        assert re.fullmatch(r"  - CKV2?_AWS_\d+ # [A-Z].{20,}", line), line


@pytest.mark.parametrize("file", FILES)
def test_every_rule_that_is_left_out_somewhere_has_a_reason(file: str) -> None:
    for line in (PROJECT / file).read_text().splitlines():
        assert "checkov:skip" not in line or re.search(r"# checkov:skip=CKV2?_AWS_\d+:[A-Z].{20,}", line), line
