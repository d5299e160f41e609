"""A deployment worked out on paper: the template and its nested stacks, with parameters, conditions and outputs."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from infra.local.checks import tool
from tests.infra.intrinsics import Mistake, Scope

PROJECT = Path(__file__).parents[2]
ROOT = "template.yaml"
FILES = (ROOT, *sorted(str(path.relative_to(PROJECT)) for path in PROJECT.glob("infra/stacks/*.yaml")))
NESTED = "AWS::CloudFormation::Stack"

Template = dict[str, Any]
Properties = dict[str, Any]


@cache
def templates() -> dict[str, Template]:
    """Every template by path, as CloudFormation gets it."""
    command = [str(tool("emulator", "python")), "tests/infra/transform.py", *FILES]
    made: dict[str, Template] = json.loads(subprocess.run(command, check=True, capture_output=True, cwd=PROJECT).stdout)
    return made


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource that is really made.

    Attributes:
        path: its logical id, that of the nested stack before it: `IngestQueue`, `Data/Cluster`.
        kind: its type.
        properties: worked out.
        raw: as the template has it.
    """

    path: str
    kind: str
    properties: Properties
    raw: dict[str, Any]

    @property
    def ref(self) -> str:
        """What `Ref` gives."""
        return "${" + self.path + "}"

    def attribute(self, name: str) -> str:
        """What `Fn::GetAtt` gives."""
        return "${" + f"{self.path}.{name}" + "}"


class Stack:
    """One stack of a deployment.

    Args:
        file: its template's path.
        given: its parameters' values.
        within: the logical ids that lead here, each with a slash.
        made_of: the templates by path, where others than the project's are meant.
    """

    def __init__(
        self, file: str, given: Mapping[str, Any], within: str = "", made_of: Mapping[str, Template] | None = None
    ) -> None:
        self.file = file
        self.within = within
        self._made_of = templates() if made_of is None else made_of
        self.template = self._made_of[file]
        self.parameters = _parameters(self.template, given, file)
        self._scope = Scope(self._ref, self._attribute, self.condition, self.template.get("Mappings", {}))

    def value(self, node: Any) -> Any:
        """A part of the template, worked out."""
        return self._scope.value(node)

    def condition(self, name: str) -> bool:
        """Whether a condition of the template holds."""
        try:
            return bool(self.value(self.template["Conditions"][name]))
        except KeyError as missing:
            raise Mistake(f"{self.file} has no condition {name}") from missing

    @cached_property
    def own(self) -> dict[str, Resource]:
        """The resources made by this stack itself, by logical id."""
        return {
            name: Resource(self.within + name, raw["Type"], self.value(raw.get("Properties", {})), raw)
            for name, raw in self.template["Resources"].items()
            if self._is_made(raw)
        }

    @cached_property
    def nested(self) -> dict[str, Stack]:
        """The stacks made by this one, by logical id."""
        return {
            name: self._nested(name)
            for name, raw in self.template["Resources"].items()
            if raw["Type"] == NESTED and self._is_made(raw)
        }

    @cached_property
    def outputs(self) -> dict[str, Any]:
        """What this stack tells."""
        return {
            name: self.value(output["Value"])
            for name, output in self.template.get("Outputs", {}).items()
            if self._is_made(output)
        }

    def all(self, *kinds: str) -> list[Resource]:
        """Every resource of these types (of all types, if none is named), nested stacks' included."""
        own = [resource for resource in self.own.values() if not kinds or resource.kind in kinds]
        return own + [resource for stack in self.nested.values() for resource in stack.all(*kinds)]

    def stacks(self) -> Iterator[Stack]:
        """This stack and every one below."""
        yield self
        for stack in self.nested.values():
            yield from stack.stacks()

    def refused(self) -> list[str]:
        """What the template's `Rules` have against the parameters."""
        return [
            assertion["AssertDescription"]
            for rule in self.template.get("Rules", {}).values()
            if self.value(rule.get("RuleCondition", True))
            for assertion in rule["Assertions"]
            if not self.value(assertion["Assert"])
        ]

    @cache  # noqa: B019  # as many stacks as tests have deployments; they live as long
    def _nested(self, name: str) -> Stack:
        raw = self.template["Resources"][name]
        properties = self.value(raw["Properties"])
        file = str(Path(self.file).parent / properties["TemplateURL"])
        if file not in self._made_of:
            raise Mistake(f"{name} of {self.file} is made of {file}, which does not exist")
        return Stack(file, properties.get("Parameters", {}), f"{self.within}{name}/", self._made_of)

    def _is_made(self, raw: Mapping[str, Any]) -> bool:
        return "Condition" not in raw or self.condition(raw["Condition"])

    def _resource(self, name: str) -> dict[str, Any]:
        raw: dict[str, Any] | None = self.template["Resources"].get(name)
        if raw is None:
            raise Mistake(f"{self.file} has neither parameter nor resource {name}")
        if not self._is_made(raw):
            raise Mistake(f"{self.file} refers to {name}, which is not made under these conditions")
        return raw

    def _ref(self, name: str) -> Any:
        if name in self.parameters:
            return self.parameters[name]
        self._resource(name)
        return "${" + self.within + name + "}"

    def _attribute(self, name: str, attribute: str) -> Any:
        raw = self._resource(name)
        if raw["Type"] != NESTED:
            return "${" + f"{self.within}{name}.{attribute}" + "}"
        outputs = self._nested(name).outputs
        output = attribute.removeprefix("Outputs.")
        if output not in outputs:
            raise Mistake(f"{self.file} takes {attribute} of {name}, which has no such output")
        return outputs[output]


def _parameters(template: Template, given: Mapping[str, Any], file: str) -> dict[str, Any]:
    declared = template.get("Parameters", {})
    if unknown := set(given) - set(declared):
        raise Mistake(f"{file} is given {', '.join(sorted(unknown))}, which it does not declare")
    made = {}
    for name, parameter in declared.items():
        if name not in given and "Default" not in parameter:
            raise Mistake(f"{file} is not given {name}, which it needs")
        made[name] = _checked(name, parameter, given.get(name, parameter.get("Default")))
    return made


def _checked(name: str, parameter: Mapping[str, Any], value: Any) -> Any:
    """A parameter's value, of its type and within its bounds; names of things to come are within any."""
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    to_come = "${" in text
    if "AllowedValues" in parameter and text not in {str(one) for one in parameter["AllowedValues"]}:
        raise Mistake(f"{name} may not be {text!r}")
    if "AllowedPattern" in parameter and not to_come and not re.fullmatch(parameter["AllowedPattern"], text):
        raise Mistake(f"{name} may not be {text!r}: it does not look like {parameter['AllowedPattern']}")
    if parameter["Type"] == "Number" and not to_come:
        number = float(text)
        if not parameter.get("MinValue", number) <= number <= parameter.get("MaxValue", number):
            raise Mistake(f"{name} may not be {text}: out of bounds")
        return int(number) if number.is_integer() else number
    if parameter["Type"] == "CommaDelimitedList" or parameter["Type"].startswith("List<"):
        return text.split(",") if text else []
    return text


@cache
def presets() -> dict[str, dict[str, str]]:
    """The parameters of every environment in `samconfig.toml` that says some."""
    config = tomllib.loads((PROJECT / "samconfig.toml").read_text())
    given = {
        name: commands.get("deploy", {}).get("parameters", {}).get("parameter_overrides")
        for name, commands in config.items()
        if isinstance(commands, dict)
    }
    return {name: _overrides(written) for name, written in given.items() if written}


def _overrides(written: str | list[str]) -> dict[str, str]:
    """`Name=value` pairs, values quoted or not, as SAM reads them."""
    text = written if isinstance(written, str) else " ".join(written)
    return {name: value.strip('"') for name, value in re.findall(r'(\w+)=("[^"]*"|\S*)', text)}
