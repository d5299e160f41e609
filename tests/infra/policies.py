"""Statements of policies, in the templates as they are written and in what is deployed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cfnlint.decode

NARROW = re.compile(r"[^*]*\$\{(?!AWS::)[^}]+\}[^*]*\*")
"""A `*` at the end of what is named by a resource: objects of this bucket, tasks of that cluster."""


@dataclass(frozen=True, slots=True)
class Written:
    """An allowing statement where it is written.

    Attributes:
        where: file and line.
        statement: what it says.
        reasoned: whether a comment stands above or in it.
    """

    where: str
    statement: dict[str, Any]
    reasoned: bool


def actions(statement: dict[str, Any]) -> list[str]:
    """What it allows."""
    given = statement["Action"]
    return given if isinstance(given, list) else [given]


def wildcards(statement: dict[str, Any]) -> list[str]:
    """The actions and resources by which a statement reaches what it does not name."""
    wide = [action for action in actions(statement) if "*" in action]
    # All but what it names is as wide as can be.
    wide += _texts(statement.get("NotResource", []))
    return wide + [text for text in _texts(statement.get("Resource", "")) if "*" in text and not NARROW.fullmatch(text)]


def allowing(node: Any) -> Iterator[dict[str, Any]]:
    """Every statement that allows something, wherever it stands."""
    if isinstance(node, dict):
        if node.get("Effect") == "Allow":
            yield node
        for value in node.values():
            yield from allowing(value)
    elif isinstance(node, list):
        for value in node:
            yield from allowing(value)


@cache
def written(path: Path) -> list[Written]:
    """Every allowing statement of a template."""
    template, problems = cfnlint.decode.decode(str(path))
    assert not problems
    lines = path.read_text().splitlines()
    return [_written(path.name, lines, statement) for statement in allowing(template)]


def _written(file: str, lines: list[str], statement: Any) -> Written:
    """A statement as cfn-lint reads it, which knows where it begins and ends."""
    first, end = statement.start_mark.line, statement.end_mark.line
    return Written(f"{file}:{first + 1}", dict(statement), _is_reasoned(lines, first, end))


def _is_reasoned(lines: list[str], first: int, end: int) -> bool:
    """Whether there is a comment above or in the lines of a statement; those at its end belong to what follows."""
    own = lines[first : max(end, first + 1)]
    while len(own) > 1 and own[-1].lstrip()[:1] in {"", "#"}:
        own.pop()
    return lines[first - 1].lstrip().startswith("#") or any(" # " in line for line in own)


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, list):
        for one in node:
            yield from _texts(one)
    elif isinstance(node, dict):
        for one in node.values():
            yield from _texts(one)
