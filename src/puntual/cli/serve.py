"""`puntual serve`."""

import os
from functools import partial
from pathlib import Path
from typing import Any

import click

from puntual.cli.options import complete_version


@click.command()
@click.option("--host", help="Address to listen on [127.0.0.1].")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port to listen on [8000].")
@click.option("--workers", type=click.IntRange(1, 256), help="Processes that answer [1].")
@click.option("--registry", help="Folder or URL of bundles [models].")
@click.option(
    "--bundle",
    metavar="VERSION|FILE",
    shell_complete=complete_version,
    help="Serve this one instead of the champion.",
)
@click.option(
    "--shadow",
    metavar="VERSION|FILE",
    shell_complete=complete_version,
    help="Score the same flights with this one too, unseen.",
)
@click.option("--timetable", type=click.Path(), help="The airport's coming flights, CSV, Parquet or JSON.")
@click.option("--state", type=click.Path(), help="Folder of keys, journal and timetable [state].")
@click.option(
    "--no-auth",
    is_flag=True,
    help="Disable authentication: nobody needs a key, wherever from.",
)
def serve(no_auth: bool, **given: Any) -> None:
    """Answer predictions over HTTP; `puntual settings` lists what the environment can set.

    Without a host it is reachable from this machine alone. SIGHUP fetches the champion, SIGTERM ends the service once
    the requests in flight are answered.
    """
    from puntual.api.http.process_tuning import prepare

    prepare()
    from puntual.api import server
    from puntual.settings import read_settings

    settings = read_settings(os.environ)
    changes = {name: value for name, value in given.items() if value is not None}
    if no_auth:
        changes["auth"] = "none"
    settings = server.checked(settings.replace(**changes))
    if settings.timetable:
        server.take_timetable(settings, Path(settings.timetable))
    # Said plainly: what writes bars and tables would stay in the memory of the worker.
    server.serve(settings, partial(click.echo, err=True))
