"""Runs the application on uvicorn: one process, or several that share a socket and are replaced when they die."""

import ipaddress
import os
import signal
import socket
import sys
import tempfile
from functools import partial
from pathlib import Path

import uvicorn
from uvicorn.supervisors import Multiprocess

from puntual.api.app import create_app
from puntual.api.auth.api_keys import Verifier
from puntual.api.http.gateway import Gateway
from puntual.api.http.uvicorn_protocol import Connection
from puntual.api.observability.log_format import CONFIGURATION
from puntual.api.serving.coming_flights import read_coming
from puntual.api.serving.timetable_file import TimetableFile
from puntual.errors import SettingError, TableError
from puntual.registry import TrustedKeys
from puntual.settings import Settings, read_settings
from puntual.storage.errors import reason_of


def serve(settings: Settings) -> None:
    """Serve until told to stop; raise PuntualError for settings or a bundle that cannot be used."""
    address = _bind(settings)
    try:
        if settings.workers == 1:
            uvicorn.Server(_configuration(settings, create_app(settings))).run(sockets=[address])
            return
        _serve_by_several(settings, address)
    finally:
        address.close()


def application() -> Gateway:
    """Build a worker's application from the environment (uvicorn calls this in each worker)."""
    return create_app(read_settings(os.environ))


class _Supervisor(Multiprocess):
    """Has workers fetch the champion on SIGHUP, where uvicorn would restart them."""

    def handle_hup(self) -> None:
        """Pass the signal on."""
        for process in self.processes:
            if process.pid is not None and process.is_alive():
                os.kill(process.pid, signal.SIGHUP)


def _serve_by_several(settings: Settings, address: socket.socket) -> None:
    with tempfile.TemporaryDirectory(prefix="puntual-metrics-") as folder:
        os.environ.update(settings.replace(metrics=folder).environment())
        config = _configuration(settings, "puntual.api.server:application")
        _Supervisor(config, [address]).run()


def _configuration(settings: Settings, application: Gateway | str) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        factory=isinstance(application, str),
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
            f"{settings.host}:{settings.port} cannot be listened on ({reason_of(error)}); "
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
        if not verifier.any_keys():
            raise SettingError(
                f"{settings.host} can be reached from other machines, and there is no key to ask them for; "
                "make one with `puntual keys create NAME`, or give --no-auth"
            )
        return settings.replace(auth="always")
    return settings


def greeting(settings: Settings) -> str:
    """Say where the service answers."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"Puntual answers on http://{host}:{settings.port}, and explains itself on http://{host}:{settings.port}/docs"


def take_timetable(settings: Settings, file: Path) -> None:
    """Begin with the coming flights of a file; raise TableError naming the row that cannot be used."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise TableError(f"{file}: cannot be read ({reason_of(error)}); name a file of flights") from error
    TimetableFile(Path(settings.state)).write(read_coming(content, str(file), file.suffix).flights)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        # What a name leads to may change.
        return False
