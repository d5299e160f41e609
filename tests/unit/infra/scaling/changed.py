"""Scaling policies other than the deployed one, to see that the difference is noticed."""

from __future__ import annotations

from copy import deepcopy
from math import inf
from typing import Any

from infra.scaling.policy import Scaling, Step, load, read


def steps_of(adjustment: int) -> tuple[Step, ...]:
    """One step for every value."""
    return (Step(-inf, inf, adjustment),)


def changed(resource: str, **properties: Any) -> Scaling:
    """The deployed scaling with some properties of an alarm replaced, or of a policy's configuration."""
    template = deepcopy(load())
    made = template["Resources"][resource]["Properties"]
    made.get("StepScalingPolicyConfiguration", made).update(properties)
    return read(template)
