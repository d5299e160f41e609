"""Reads lines of the embedded metric format as CloudWatch does: one that breaks its rules is dropped there, silently.

The rules are those of the published specification.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

UNITS = {
    *("Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "None"),
    *(prefix + "bytes" for prefix in ("", "Kilo", "Mega", "Giga", "Tera")),
}

Dimensions = tuple[tuple[str, str], ...]
Found = dict[tuple[str, Dimensions], float]


def metrics_of(line: str) -> Found:
    """The metrics of one line by name and dimensions; none if it carries none.

    Raises:
        AssertionError: CloudWatch would refuse the line.
    """
    document = json.loads(line) if line.startswith("{") else {}
    if "_aws" not in document:
        return {}
    metadata = document["_aws"]
    assert set(metadata) == {"Timestamp", "CloudWatchMetrics"}
    # Milliseconds: seconds would lie in 1970 and be dropped as too old.
    assert isinstance(metadata["Timestamp"], int)
    assert metadata["Timestamp"] > 10**12
    assert metadata["CloudWatchMetrics"]
    return dict(found for directive in metadata["CloudWatchMetrics"] for found in _metrics(document, directive))


def metrics_in(text: str) -> dict[tuple[str, Dimensions], list[float]]:
    """The metrics of many lines, values in order."""
    found: dict[tuple[str, Dimensions], list[float]] = {}
    for line in text.splitlines():
        for key, value in metrics_of(line).items():
            found.setdefault(key, []).append(value)
    return found


def _metrics(document: dict[str, Any], directive: dict[str, Any]) -> Iterator[tuple[tuple[str, Dimensions], float]]:
    assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
    assert 0 < len(directive["Namespace"]) <= 1024
    assert 0 < len(directive["Metrics"]) <= 100
    [names] = directive["Dimensions"]
    assert len(names) <= 30
    for name in names:
        assert isinstance(document[name], str)
        assert 0 < len(document[name]) <= 1024
    dimensions = tuple((name, document[name]) for name in names)
    for metric in directive["Metrics"]:
        assert set(metric) == {"Name", "Unit"}
        assert metric["Unit"] in UNITS
        value = document[metric["Name"]]
        assert isinstance(value, int | float)
        assert not isinstance(value, bool)
        yield (metric["Name"], dimensions), value
