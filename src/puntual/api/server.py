"""Runs the application on uvicorn: one process, or several that share a socket and are replaced when they die."""

import gc
import ipaddress
import os
import socket
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import uvicorn

from puntual.api.app import create_app
from puntual.api.auth.token_secret import token_secret
from puntual.api.auth.verifier import Verifier
from puntual.api.http.gateway import Gateway
from puntual.api.http.uvicorn_protocol import Connection
from puntual.api.observability.log_format import CONFIGURATION
from puntual.api.serving.coming_flights import read_coming
from puntual.api.serving.last_good_bundle import LastGoodBundle
from puntual.api.serving.timetable_file import TimetableFile
from puntual.api.supervisor import Supervisor
from puntual.api.worker import AnnouncingServer
from puntual.errors import OversizedFileError, SettingError, TableError
from puntual.registry import TrustedKeys
from puntual.settings import Settings
from puntual.storage.local import read_within


def serve(settings: Settings, announce: Callable[[str], object]) -> None:
    """Serve until a signal ends it, and announce where and with which model once it answers.

    Raise PuntualError for settings or a bundle that cannot be used.
    """
    address = _bind(settings)

    def announce_model(model: str) -> None:
        announce(f"{_greeting(settings, address)}. {model}")

    try:
        if settings.workers > 1:
            _serve_by_several(settings, address, announce_model)
            return
        app = create_app(settings)
        config = _configuration(settings, app)
        AnnouncingServer(config, lambda: announce_model(app.describe_model())).run(sockets=[address])
    finally:
        address.close()


def _serve_by_several(
    settings: Settings, address: socket.socket, announce_model: Callable[[str], object]
) -> None:
    # Whoever supervises loads nothing more.
    gc.enable()
    with tempfile.TemporaryDirectory(prefix="puntual-metrics-") as folder:
        # One secret for all workers, also where the state folder cannot keep it.
        secret = token_secret(Path(settings.state), settings.token_secret)
        os.environ.update(settings.replace(metrics=folder, token_secret=secret).environment())
        # Here and not in the workers, of which one may answer while another still starts.
        LastGoodBundle(Path(settings.state)).forget()
        # Each worker puts its own application in the place of none.
        Supervisor(_configuration(settings, None), [address], announce_model).run()


def _configuration(settings: Settings, application: Gateway | None) -> uvicorn.Config:
    return uvicorn.Config(
        application,  # type: ignore[arg-type]
        workers=settings.workers,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http=partial(Connection, patience=settings.patience),  # type: ignore[arg-type]
        ws="none",
        lifespan="on",
        log_config=CONFIGURATION,
        access_log=False,
        server_header=False,
        # Nothing here asks where a request came from.
        proxy_headers=False,
        timeout_keep_alive=settings.keep_alive,
        timeout_graceful_shutdown=settings.drain,
    )


def _bind(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    address = socket.socket(family, socket.SOCK_STREAM)
    address.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        address.bind((settings.host, settings.port))
    except OSError as error:
        address.close()
        raise SettingError(
            f"{settings.host}:{settings.port} cannot be listened on ({error.strerror}); "
            "give another --host or --port, or stop what listens there"
        ) from error
    address.set_inheritable(True)
    return address


def checked(settings: Settings) -> Settings:
    """Refuse what cannot be served: an open door to other machines, or keys that are none."""
    TrustedKeys(settings.trusted_keys)
    verifier = Verifier(Path(settings.state), settings.keys)
    beyond = not _is_loopback(settings.host)
    if beyond and settings.auth == "writes":
        if not verifier.requires_key():
            raise SettingError(
                f"{settings.host} can be reached from other machines, and there is no key to ask them for; "
                "make one with `puntual keys create NAME`, or give --no-auth"
            )
        return settings.replace(auth="always")
    return settings


def take_timetable(settings: Settings, file: Path) -> None:
    """Begin with the coming flights of a file; raise TableError naming the row that cannot be used."""
    try:
        content = read_within(file, settings.timetable_limit)
    except OversizedFileError as error:
        raise TableError(f"{error}, or set PUNTUAL_TIMETABLE_LIMIT") from error
    except OSError as error:
        raise TableError(f"{file}: cannot be read ({error.strerror}); name a file of flights") from error
    TimetableFile(Path(settings.state)).write(read_coming(content, str(file), file.suffix).flights)


def _greeting(settings: Settings, address: socket.socket) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    # Where any free port was to be taken, the socket knows which.
    url = f"http://{host}:{address.getsockname()[1]}"
    return f"Puntual answers on {url}, and explains itself on {url}/docs"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        # What a name leads to may change.
        return False
