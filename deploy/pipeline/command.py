"""What all commands of the pipeline do: tell GitHub what came of them."""

import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from puntual.cli.failures import report_failures
from puntual.errors import PuntualError

Command = Callable[..., Any]


def failing_loudly(command: Command) -> Command:
    """Write a failure to the summary of the workflow's run before it becomes the exit status."""

    @wraps(command)
    def loud(*args: Any, **kwargs: Any) -> Any:
        from deploy.pipeline.github_output import write_summary

        try:
            return command(*args, **kwargs)
        except PuntualError as error:
            write_summary(os.environ, f"❌ `deploy.pipeline {command.__name__}`: {error}")
            raise

    return report_failures()(loud)


def write_result(values: dict[str, Any], as_json: bool) -> None:
    """Print what was done, and hand it to the steps that come after."""
    from deploy.pipeline.github_output import write_outputs, write_summary
    from puntual.cli.output.console import print_json

    texts = {name: str(value).lower() if isinstance(value, bool) else value for name, value in values.items()}
    write_outputs(os.environ, texts)
    command = click.get_current_context().info_name
    write_summary(
        os.environ, f"✅ `deploy.pipeline {command}`: " + ", ".join(f"{k} {v}" for k, v in texts.items())
    )
    if as_json:
        print_json(values)
    else:
        sys.stdout.writelines(f"{name}  {text}\n" for name, text in texts.items())
