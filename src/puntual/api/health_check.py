"""Asks the service of this machine whether it is ready, as a container's health check does."""

from puntual.errors import NotReadyError
from puntual.settings import Settings

# Listening on all addresses includes this machine's own.
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
_SECONDS = 3.0


def ask_ready(settings: Settings) -> str:
    """Say where the service is ready; raise NotReadyError where it is not, or does not answer."""
    import http.client

    host = _LOOPBACK.get(settings.host, settings.host)
    where = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}/readyz"
    connection = http.client.HTTPConnection(host, settings.port, timeout=_SECONDS)
    try:
        connection.request("GET", "/readyz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise NotReadyError(
            f"{where} does not answer ({error}); start it with `puntual serve`, or see its log"
        ) from error
    finally:
        connection.close()
    if status != http.HTTPStatus.OK:
        raise NotReadyError(
            f"{where} answers {status}, expected 200: no model is loaded yet; see the service's log"
        )
    return where
