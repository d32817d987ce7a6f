"""A smoke test of a release: predictions asked for through the load balancer, as a caller would."""

import http.client
import math
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec

from deploy.pipeline.errors import DeployError
from deploy.pipeline.poller import Poller
from puntual.api.predict.contract import PredictAnswer, PredictRequest, ScheduledFlight

# Any bundle answers for any airport, and about a flight that is gone for ever.
_REQUEST = PredictRequest(
    flights=[ScheduledFlight("SCL", "MIA", "2017-10-03T23:30", airline="LAN", flight_number="226")]
)
_SECONDS_TO_ANSWER = 10.0
_CONNECTIONS = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}


@dataclass(frozen=True)
class SmokeTest:
    """Asks a service for predictions.

    It passes once `answers` in a row are good, each over a connection of its own, so that each task is likely to
    have given some.
    """

    url: str
    key: str | None
    poller: Poller
    answers: int = 12

    def run(self, version: str | None) -> None:
        """Ask until the answers are good, and name `version` if it is given; raise DeployError if they never are."""
        streak, trouble = 0, ""

        def look() -> bool | None:
            nonlocal streak, trouble
            seen = self._trouble(version)
            streak, trouble = (0, seen) if seen else (streak + 1, trouble)
            return True if streak >= self.answers else None

        if self.poller.until(look) is None:
            raise DeployError(
                f"{self.url}/predict: not {self.answers} good answers in a row within "
                f"{self.poller.seconds:.0f} s; {trouble or 'they came too slowly'}; see the service's log"
            )

    def _trouble(self, version: str | None) -> str:
        """Ask once; say what is wrong with the answer, or nothing."""
        try:
            status, body = _post(f"{self.url}/predict", msgspec.json.encode(_REQUEST), self._headers())
        except (OSError, http.client.HTTPException) as error:
            return f"it does not answer ({error or type(error).__name__})"
        if status == http.client.UNAUTHORIZED:
            raise DeployError(
                f"{self.url} asks for a key; set PUNTUAL_API_KEY to one of its keys (deploy/README.md)"
            )
        if status != http.client.OK:
            return f"it answered {status}: {body[:200].decode(errors='replace')}"
        return _wrong(body, version)

    def _headers(self) -> dict[str, str]:
        key = {"x-api-key": self.key} if self.key else {}
        return {"content-type": "application/json", "connection": "close", **key}


def _wrong(body: bytes, version: str | None) -> str:
    try:
        answer = msgspec.json.decode(body, type=PredictAnswer)
    except msgspec.DecodeError as error:
        return f"its answer is no prediction ({error})"
    if len(answer.predictions) != len(_REQUEST.flights):
        return f"it answered for {len(answer.predictions)} flights, asked about {len(_REQUEST.flights)}"
    if version is not None and answer.model.version != version:
        return f"it answers with model {answer.model.version}, expected {version}"
    (prediction,) = answer.predictions
    bands = msgspec.structs.astuple(prediction.bands)
    if not math.isclose(sum(bands), 1, abs_tol=1e-6) or not 0 <= prediction.late_probability <= 1:
        return f"its probabilities make no sense: {bands}, late {prediction.late_probability}"
    return ""


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
    parts = urlsplit(url)
    if parts.scheme not in _CONNECTIONS or parts.hostname is None:
        raise DeployError(f"{url!r} is no address of a service; give such as https://puntual.example.org")
    connection = _CONNECTIONS[parts.scheme](parts.hostname, parts.port, timeout=_SECONDS_TO_ANSWER)
    try:
        connection.request("POST", parts.path, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
