"""What ends a command early → one message and an exit status, in one place for all commands."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from puntual.cli.extras import missing_library
from puntual.errors import CostError, PuntualError, UnknownCandidateError, describe_os_error

MEMORY_FULL = "the memory is full; give more of it, or fewer flights at once"
# What the loader says of a compiled library that finds no room.
NO_ROOM = ("failed to map segment", "cannot allocate memory")


@contextmanager
def report_failures(context: click.Context | None = None) -> Iterator[None]:
    """Turn what no command can mend, such as a full disk or a closed pipe, into a message and a status.

    `context` is that of the program, which knows the command that was called.
    """
    if sys.stdout is None:
        raise click.ClickException("standard output is closed; redirect it to a file, or to /dev/null")
    try:
        yield
        sys.stdout.flush()
    except (UnknownCandidateError, CostError) as error:
        raise click.UsageError(str(error)) from error
    except PuntualError as error:
        raise click.ClickException(str(error)) from error
    except ModuleNotFoundError as error:
        raise _without_library(error, context) from error
    except ImportError as error:
        raise _without_room(error) from error
    except BrokenPipeError:
        raise _reader_gone() from None
    except OSError as error:
        raise click.ClickException(describe_os_error(error)) from error
    except MemoryError as error:
        raise click.ClickException(MEMORY_FULL) from error


def _without_library(
    error: ModuleNotFoundError, context: click.Context | None
) -> click.ClickException | ModuleNotFoundError:
    command = context.invoked_subcommand if context else None
    message = missing_library(error.name or "", command or "")
    return error if message is None else click.ClickException(message)


def _without_room(error: ImportError) -> click.ClickException | ImportError:
    if any(reason in str(error).casefold() for reason in NO_ROOM):
        return click.ClickException(MEMORY_FULL)
    return error


def _reader_gone() -> SystemExit:
    """Leave quietly when whoever read the output has closed it, as `head` does; nothing is flushed at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return SystemExit(1)
