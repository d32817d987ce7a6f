"""The stacks' templates as tests read them, and spoiled in one place, to see that they notice."""

import pathlib
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from deploy.rehearsal.stack import TEMPLATE

Template = dict[str, Any]
Path = tuple[str | int, ...]

GONE = object()
TASK = ("TaskDefinition", "Properties", "ContainerDefinitions", 0)


def read(template: pathlib.Path = TEMPLATE) -> Template:
    """Read a template, each function as an object with its name."""
    return yaml.load(template.read_text(encoding="utf-8"), _Loader)


def spoiled(*cases: tuple[Callable[[Template], None], Path, Any]) -> pytest.MarkDecorator:
    """Run a test for each check, with the place under Resources to spoil and what to put there, or GONE."""
    named = [pytest.param(*case, id=".".join(map(str, case[1]))) for case in cases]
    return pytest.mark.parametrize(("check", "path", "value"), named)


def assert_noticed(
    check: Callable[[Template], None], path: Path, value: Any, template: pathlib.Path = TEMPLATE
) -> None:
    """Pass when a check holds for the template, and no longer once that place is spoiled."""
    stack = read(template)
    check(stack)
    *way, last = path
    place: Any = stack["Resources"]
    for step in way:
        place = place[step]
    if value is GONE:
        del place[last]
    else:
        assert place[last] != value
        place[last] = value
    with pytest.raises((AssertionError, KeyError)):
        check(stack)


class _Loader(yaml.SafeLoader):
    """Reads `!Ref X` as {"Ref": "X"} and `!Sub X` as {"Fn::Sub": "X"}, as CloudFormation does."""


def _function(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    read = {
        yaml.ScalarNode: loader.construct_scalar,
        yaml.SequenceNode: lambda node: loader.construct_sequence(node, deep=True),
        yaml.MappingNode: lambda node: loader.construct_mapping(node, deep=True),
    }[type(node)]
    return {name if name == "Ref" else f"Fn::{name}": read(node)}


_Loader.add_multi_constructor("!", _function)


def of_type(stack: Template, kind: str) -> dict[str, Any]:
    """Give the properties of all resources of a type, by name; there has to be one."""
    properties = {
        name: resource["Properties"]
        for name, resource in stack["Resources"].items()
        if resource["Type"] == f"AWS::{kind}"
    }
    assert properties, f"no AWS::{kind} in the stack"
    return properties


def the(stack: Template, kind: str) -> Any:
    """Give the properties of the only resource of a type."""
    (properties,) = of_type(stack, kind).values()
    return properties


def default(stack: Template, parameter: str) -> Any:
    return stack["Parameters"][parameter]["Default"]


def container(stack: Template) -> Any:
    (properties,) = the(stack, "ECS::TaskDefinition")["ContainerDefinitions"]
    return properties


def resolved(values: list[Any], *conditions: str) -> list[Any]:
    """Give the elements of a list where these conditions hold and no other."""
    chosen = [
        (one["Fn::If"][1 if one["Fn::If"][0] in conditions else 2]) if set(one) == {"Fn::If"} else one
        for one in values
    ]
    return [one for one in chosen if one != {"Ref": "AWS::NoValue"}]


def attributes(resource: Any, field: str) -> dict[str, Any]:
    return {pair["Key"]: pair["Value"] for pair in resource[field]}
