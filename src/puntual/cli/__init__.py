"""The command line: it reads the call, prints and exits; it decides nothing.

Results go to standard output, progress and messages to standard error. The exit status is 0 when the work was
done, 1 when it failed and 2 when the call was wrong.
"""

from typing import Any

import click

from puntual.cli.data import data
from puntual.cli.demo import demo
from puntual.cli.evaluate import evaluate
from puntual.cli.events import events
from puntual.cli.export import export
from puntual.cli.failures import report_failures
from puntual.cli.features import features
from puntual.cli.health import health
from puntual.cli.keys import keys
from puntual.cli.map import map_command
from puntual.cli.models import models
from puntual.cli.predict import predict
from puntual.cli.replay import replay
from puntual.cli.serve import serve
from puntual.cli.settings import settings
from puntual.cli.sources import sources
from puntual.cli.stress import stress
from puntual.cli.train import train
from puntual.cli.webhook import webhook
from puntual.features.kernel import is_compiled

_KERNELS = "compiled" if is_compiled() else "interpreted"


class Program(click.Group):
    """The group of all commands, none of which ends in a traceback for what a person can mend."""

    def make_context(self, *words: Any, **extra: Any) -> click.Context:
        """Read the call, which prints the help too."""
        with report_failures():
            return super().make_context(*words, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was called."""
        with report_failures(ctx):
            return super().invoke(ctx)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="puntual", message=f"%(prog)s %(version)s (kernels {_KERNELS})")
def main() -> None:
    """Will this flight be late? Learn from past flights, and say how late scheduled ones are likely to be."""


for _command in (
    train,
    evaluate,
    features,
    events,
    replay,
    predict,
    models,
    data,
    export,
    sources,
    map_command,
    demo,
    serve,
    stress,
    health,
    keys,
    webhook,
    settings,
):
    main.add_command(_command)
