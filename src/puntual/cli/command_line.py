"""The command that was run, as it can be run again."""

import shlex
from collections.abc import Iterator
from typing import Any

import click
from click.core import ParameterSource

_GIVEN = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)


def command_line(context: click.Context) -> str:
    """Write the command that a context belongs to, with all that was given to it, quoted for a shell."""
    given = [
        parameter
        for parameter in context.command.params
        if parameter.name and context.get_parameter_source(parameter.name) in _GIVEN
    ]
    words = (word for parameter in given for word in _words(parameter, context.params[parameter.name or ""]))
    return shlex.join(["puntual", str(context.info_name), *words])


def _words(parameter: click.Parameter, value: Any) -> Iterator[str]:
    if not isinstance(parameter, click.Option):
        yield str(value)
    elif not parameter.is_flag:
        yield from (parameter.opts[-1], _text(value))
    else:
        yield (parameter.opts if value else parameter.secondary_opts)[-1]


def _text(value: Any) -> str:
    """Write a value as it was typed; a date was typed without a time unless it has one."""
    return value.isoformat().removesuffix("T00:00:00") if hasattr(value, "isoformat") else str(value)
