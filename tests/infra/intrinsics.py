"""CloudFormation's intrinsic functions, worked out as far as one can without an account.

What only a deployment knows becomes a name in a string: `Ref: Queue` is `${Queue}`, its ARN `${Queue.Arn}`, and in a
nested stack `${Data/Cluster.Endpoint.Address}`. So values can be compared, joined and followed from stack to stack.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any


class Mistake(Exception):
    """Something CloudFormation would refuse."""


NO_VALUE = object()
"""What `AWS::NoValue` is: where it stands, nothing stands."""

PSEUDO: dict[str, Any] = {
    "AWS::AccountId": "123456789012",
    "AWS::NoValue": NO_VALUE,
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::StackId": "arn:aws:cloudformation:eu-central-1:123456789012:stack/twolane/0",
    "AWS::StackName": "twolane",
    "AWS::URLSuffix": "amazonaws.com",
}

ZONES = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]


class Scope:
    """What names mean inside one template.

    Args:
        ref: what `Ref` gives for a name.
        attribute: what `Fn::GetAtt` gives for a resource and an attribute.
        condition: whether a condition holds.
        mappings: the template's `Mappings`.
    """

    def __init__(
        self,
        ref: Callable[[str], Any],
        attribute: Callable[[str, str], Any],
        condition: Callable[[str], bool],
        mappings: Mapping[str, Any],
    ) -> None:
        self._ref = ref
        self._attribute = attribute
        self._condition = condition
        self._mappings = mappings
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._reference,
            "Condition": condition,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": lambda given: str(given[0]).join(str(part) for part in self._list(given[1])),
            "Fn::Split": lambda given: str(self.value(given[1])).split(given[0]),
            "Fn::Select": lambda given: self._list(given[1])[int(self.value(given[0]))],
            "Fn::If": lambda given: self.value(given[1] if condition(given[0]) else given[2]),
            "Fn::Equals": lambda given: str(self.value(given[0])) == str(self.value(given[1])),
            "Fn::And": lambda given: False not in [self.value(one) for one in given],
            "Fn::Or": lambda given: True in [self.value(one) for one in given],
            "Fn::Not": lambda given: not self.value(given[0]),
            "Fn::Contains": lambda given: str(self.value(given[1])) in [str(one) for one in self._list(given[0])],
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAZs": lambda _: ZONES,
            "Fn::Cidr": self._cidr,
        }

    def value(self, node: Any) -> Any:
        """A value with every function in it worked out.

        Raises:
            Mistake: a function nobody knows, or a name that means nothing.
        """
        if isinstance(node, list):
            return [made for one in node if (made := self.value(one)) is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            [(name, given)] = node.items()
            # A key `Condition` with an object is part of a policy, with a string it is a function.
            if name in self._functions and not (name == "Condition" and isinstance(given, dict)):
                return self._functions[name](given)
            if name.startswith("Fn::"):
                raise Mistake(f"{name} is not known")
        return {key: made for key, one in node.items() if (made := self.value(one)) is not NO_VALUE}

    def _reference(self, name: str) -> Any:
        return PSEUDO[name] if name in PSEUDO else self._ref(name)

    def _get_att(self, given: str | list[str]) -> Any:
        resource, _, attribute = given.partition(".") if isinstance(given, str) else (given[0], "", given[1])
        return self._attribute(resource, attribute)

    def _sub(self, given: str | list[Any]) -> str:
        text, own = (given, {}) if isinstance(given, str) else (given[0], self.value(given[1]))

        def replace(found: re.Match[str]) -> str:
            name = found[1]
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in own:
                return str(own[name])
            return str(self._get_att(name) if "." in name else self._reference(name))

        return re.sub(r"\$\{([^}]+)\}", replace, text)

    def _find_in_map(self, given: list[Any]) -> Any:
        name, first, second = (self.value(one) for one in given)
        try:
            return self._mappings[name][str(first)][str(second)]
        except KeyError as missing:
            raise Mistake(f"the mapping {name} has no {first}.{second}") from missing

    def _cidr(self, given: list[Any]) -> list[str]:
        block, count, bits = (self.value(one) for one in given)
        network = ipaddress.ip_network(block if "$" not in str(block) else "10.0.0.0/16")
        return [str(one) for one in islice(network.subnets(new_prefix=32 - int(bits)), int(count))]

    def _list(self, node: Any) -> list[Any]:
        made = self.value(node)
        if not isinstance(made, list):
            raise Mistake(f"{json.dumps(node)} is no list")
        return made
