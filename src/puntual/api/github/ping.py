"""Sends a service what GitHub sends first: a signed ping."""

import http.client
import uuid
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlsplit

from puntual.api.github import deliveries as github
from puntual.errors import NoAnswerError

# GitHub waits as long for an answer.
_PATIENCE = 10.0
_SHOWN = 2_000
_CONNECTIONS = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}


@dataclass(frozen=True)
class PingAnswer:
    """A service's answer to a ping."""

    url: str
    status: int
    text: str

    @property
    def is_pong(self) -> bool:
        """Whether the ping was taken."""
        return self.status == http.client.OK


def send_ping(url: str, secret: str) -> PingAnswer:
    """Send a ping to a service, by its address or that of its webhook; raise NoAnswerError where none comes."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None or parts.scheme not in _CONNECTIONS:
        raise NoAnswerError(f"{url[:200]!r} is no address of a service; give such as http://127.0.0.1:8000")
    path = parts.path if parts.path.strip("/") else github.PATH
    body, headers = github.ping(secret, str(uuid.uuid4()))
    try:
        with closing(_CONNECTIONS[parts.scheme](host, port, timeout=_PATIENCE)) as connection:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            text = answer.read(_SHOWN).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise NoAnswerError(
            f"{url[:200]} does not answer ({reason}); see that the service runs and can be reached from here"
        ) from error
    return PingAnswer(f"{parts.scheme}://{parts.netloc}{path}", answer.status, text)
