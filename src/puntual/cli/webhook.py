"""`puntual webhook`."""

import os
import sys

import click


@click.group()
def webhook() -> None:
    """Try the webhook that tells a service of another champion."""


@webhook.command()
@click.argument("url")
def test(url: str) -> None:
    """Send a signed ping to the service at URL, and show its answer.

    The secret is PUNTUAL_WEBHOOK_SECRET, or is asked for. The exit status is 0 when the ping was taken, and 1 when it
    was not.
    """
    from puntual.api.github.ping import send_ping
    from puntual.cli.output.console import say
    from puntual.settings import read_settings

    answer = send_ping(url, read_settings(os.environ).webhook_secret or _asked())
    say(f"{answer.url} answered {answer.status}")
    click.echo(answer.text)
    sys.exit(0 if answer.is_pong else 1)


def _asked() -> str:
    if not sys.stdin.isatty():
        raise click.ClickException("no secret: set PUNTUAL_WEBHOOK_SECRET to that of the service")
    secret: str = click.prompt("secret of the webhook", hide_input=True, err=True)
    return secret
