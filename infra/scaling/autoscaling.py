"""Application Auto Scaling: from an alarm's value to a number of tasks.

After its user guide, "How step scaling for Application Auto Scaling works", and `StepScalingPolicyConfiguration`.
"""

from __future__ import annotations

from math import ceil, floor, inf

from infra.scaling.alarms import Metric, State, evaluate
from infra.scaling.policy import Scaling, StepPolicy

EVERY_SECONDS = 60
"""An alarm is evaluated, and while it lasts its scaling action invoked, once a minute whatever its period."""


class AutoScaling:
    """The desired number of tasks of one service.

    Args:
        scaling: alarms and policies.
        minimum, maximum: what no policy goes beyond.
    """

    def __init__(self, scaling: Scaling, minimum: int, maximum: int) -> None:
        self.desired = minimum
        self._scaling = scaling
        self._limits = minimum, maximum
        self._states = dict.fromkeys((alarm.name for alarm in scaling.alarms), State.INSUFFICIENT_DATA)
        self._no_scaling_in_until = -inf

    def look(self, load: Metric, now: float) -> None:
        """Evaluate every alarm, and do what those in alarm ask for."""
        for alarm in self._scaling.alarms:
            state, value = evaluate(alarm, load, now, self._states[alarm.name])
            self._states[alarm.name] = state
            if state is State.ALARM and value is not None:
                self._scale(alarm.policy, value - alarm.threshold, now)

    def _scale(self, policy: StepPolicy, breach: float, now: float) -> None:
        lowest, highest = self._limits
        wanted = max(lowest, min(highest, capacity(policy, self.desired, breach)))
        if wanted == self.desired or (wanted < self.desired and now < self._no_scaling_in_until):
            return
        self.desired = wanted
        self._no_scaling_in_until = now + policy.cooldown


def capacity(policy: StepPolicy, current: int, breach: float) -> int:
    """What a policy makes of `current` tasks where the metric lies `breach` above its alarm's threshold."""
    for step in policy.steps:
        if step.lower <= breach < step.upper:
            break
    else:
        return current
    if policy.adjustment_type == "ExactCapacity":
        return step.adjustment
    if policy.adjustment_type == "ChangeInCapacity":
        return current + step.adjustment
    change = current * step.adjustment / 100
    # Less than one task is one task; what is more is rounded towards none.
    whole = (ceil(change) if change > 0 else floor(change)) if abs(change) < 1 else int(change)
    return current + whole
