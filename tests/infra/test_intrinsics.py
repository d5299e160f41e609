"""The tools of these tests: what CloudFormation would refuse they refuse, and what it works out they work out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.intrinsics import Mistake
from tests.infra.stacks import Stack

CHILD = {
    "Parameters": {"Size": {"Type": "Number", "MinValue": 1}, "Subnets": {"Type": "CommaDelimitedList", "Default": ""}},
    "Resources": {"Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"Size": {"Ref": "Size"}}}},
    "Outputs": {"VpcId": {"Value": {"Ref": "Vpc"}}},
}


def stack(given: dict[str, Any] | None = None, **sections: Any) -> Stack:
    """A deployment of a template made of `sections`, beside a nested one named child.yaml."""
    return Stack("root.yaml", given or {}, made_of={"root.yaml": {"Resources": {}, **sections}, "child.yaml": CHILD})


def nested(**parameters: Any) -> dict[str, Any]:
    """The child as a resource."""
    return {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "child.yaml", "Parameters": parameters}}


def bucket(**properties: Any) -> dict[str, Any]:
    """Some resource."""
    return {"Type": "AWS::S3::Bucket", "Properties": properties}


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ({"Ref": "Bucket"}, "${Bucket}"),
        ({"Fn::GetAtt": ["Bucket", "Arn"]}, "${Bucket.Arn}"),
        ({"Fn::Sub": "${Bucket.Arn}/${Mode}/${!Literal}"}, "${Bucket.Arn}/fast/${Literal}"),
        ({"Fn::Sub": ["${A}-${Mode}", {"A": {"Ref": "Bucket"}}]}, "${Bucket}-fast"),
        ({"Fn::Join": [",", ["a", {"Ref": "Mode"}]]}, "a,fast"),
        ({"Fn::Select": [1, {"Fn::Split": [",", "a,b"]}]}, "b"),
        ({"Fn::If": ["Fast", 1, 2]}, 1),
        ({"Fn::If": ["Slow", 1, 2]}, 2),
        ([1, {"Fn::If": ["Slow", 1, {"Ref": "AWS::NoValue"}]}], [1]),
        ({"Key": {"Ref": "AWS::NoValue"}, "Other": 1}, {"Other": 1}),
        ({"Fn::And": [{"Condition": "Fast"}, {"Fn::Not": [{"Condition": "Slow"}]}]}, True),
        ({"Fn::Or": [{"Condition": "Slow"}, {"Fn::Equals": ["1", 1]}]}, True),
        ({"Fn::Contains": [["slow", "fast"], {"Ref": "Mode"}]}, True),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Mode"}, "Cpu"]}, 4),
        ({"Fn::Select": [2, {"Fn::Cidr": ["10.0.0.0/16", 4, 8]}]}, "10.0.2.0/24"),
        (
            {"Condition": {"Bool": {"aws:SecureTransport": "false"}}},
            {"Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        ),
    ],
)
def test_a_function_is_worked_out(node: Any, value: Any) -> None:
    made = stack(
        Parameters={"Mode": {"Type": "String", "Default": "fast"}},
        Mappings={"Sizes": {"fast": {"Cpu": 4}}},
        Conditions={
            "Fast": {"Fn::Equals": [{"Ref": "Mode"}, "fast"]},
            "Slow": {"Fn::Not": [{"Condition": "Fast"}]},
        },
        Resources={"Bucket": bucket()},
    )
    assert made.value(node) == value


def test_outputs_and_parameters_pass_from_stack_to_stack() -> None:
    resources = {
        "First": nested(Size=1),
        "Second": nested(Size=2, Subnets={"Fn::Join": [",", ["a", {"Fn::GetAtt": ["First", "Outputs.VpcId"]}]]}),
    }
    made = stack(Resources=resources)
    assert made.nested["Second"].parameters == {"Size": 2, "Subnets": ["a", "${First/Vpc}"]}
    assert [found.path for found in made.all("AWS::EC2::VPC")] == ["First/Vpc", "Second/Vpc"]


@pytest.mark.parametrize(
    ("sections", "why"),
    [
        ({"Resources": {"A": bucket(Name={"Ref": "Nobody"})}}, "neither parameter nor resource Nobody"),
        ({"Resources": {"A": bucket(Name={"Fn::Sub": "${Nobody.Arn}"})}}, "neither parameter nor resource Nobody"),
        ({"Resources": {"A": bucket(Name={"Fn::Unknown": "x"})}}, "Fn::Unknown is not known"),
        ({"Resources": {"A": bucket(Name={"Fn::If": ["Nobody", 1, 2]})}}, "no condition Nobody"),
        ({"Resources": {"A": nested()}}, "is not given Size"),
        ({"Resources": {"A": nested(Size=0)}}, "Size may not be 0"),
        ({"Resources": {"A": nested(Size=1, Colour="red")}}, "is given Colour"),
        ({"Resources": {"A": nested(Size=1), "B": bucket(Name={"Fn::GetAtt": ["A", "Outputs.No"]})}}, "no such output"),
        (
            {
                "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}},
                "Resources": {"A": {**bucket(), "Condition": "Never"}, "B": bucket(Name={"Ref": "A"})},
            },
            "A, which is not made",
        ),
    ],
)
def test_what_cannot_be_deployed_is_refused(sections: dict[str, Any], why: str) -> None:
    with pytest.raises(Mistake, match=why):
        stack(**sections).all()


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ({"Type": "String", "AllowedValues": ["a", "b"]}, "c"),
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, "A"),
        ({"Type": "Number", "MinValue": 1, "MaxValue": 2}, "3"),
    ],
)
def test_a_parameter_out_of_bounds_is_refused(parameter: dict[str, Any], value: str) -> None:
    with pytest.raises(Mistake, match="may not be"):
        stack({"P": value}, Parameters={"P": parameter})


def test_rules_are_asked() -> None:
    rule = {
        "RuleCondition": {"Fn::Equals": [{"Ref": "Mode"}, "fast"]},
        "Assertions": [
            {"Assert": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Size"}, 0]}]}, "AssertDescription": "too small"}
        ],
    }
    parameters = {"Mode": {"Type": "String"}, "Size": {"Type": "Number"}}
    assert stack({"Mode": "fast", "Size": "0"}, Parameters=parameters, Rules={"R": rule}).refused() == ["too small"]
    assert stack({"Mode": "fast", "Size": "1"}, Parameters=parameters, Rules={"R": rule}).refused() == []
    assert stack({"Mode": "slow", "Size": "0"}, Parameters=parameters, Rules={"R": rule}).refused() == []
