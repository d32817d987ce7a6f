"""Tells GitHub Actions what came of a step: outputs for later steps, and a summary for people."""

from collections.abc import Mapping
from pathlib import Path


def write_outputs(environ: Mapping[str, str], values: Mapping[str, str]) -> None:
    """Add outputs to the step's file; nothing where this is no step of a workflow.

    Raise ValueError for a value of several lines, which could pass for other outputs.
    """
    if any("\n" in value for value in values.values()):
        raise ValueError(f"an output is one line, not {dict(values)!r}")
    _append(environ.get("GITHUB_OUTPUT"), "".join(f"{name}={value}\n" for name, value in values.items()))


def write_summary(environ: Mapping[str, str], text: str) -> None:
    """Add a paragraph to the summary of the run, if there is one."""
    _append(environ.get("GITHUB_STEP_SUMMARY"), f"{text}\n\n")


def _append(file: str | None, text: str) -> None:
    if file:
        with Path(file).open("a", encoding="utf-8") as opened:
            opened.write(text)
