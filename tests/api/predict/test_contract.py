"""The service keeps to its OpenAPI document, whatever it is sent (Schemathesis, with all of its checks)."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis import engine
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events
from schemathesis.engine.recorder import ScenarioRecorder

from api.conftest import Server, running
from puntual.api.auth.api_keys import KeyStore

EXAMPLES = 800

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
seconds = st.datetimes(datetime(1991, 1, 1), datetime(2098, 12, 31)).map(
    lambda time: time.replace(microsecond=0)
)
airports = st.sampled_from(["JFK", "kjfk", "SCL", "SCEL", "EZE", "LHR", "AKL", "KATL"])


# What the formats of the document's own mean.
FORMATS = {
    "airport-code": airports,
    "destination-code": st.sampled_from(["MIA", "kbos", "LAX", "EGLC"]),
    "local-flight-time": seconds.map(datetime.isoformat),
    # Before four in the morning the clocks of some airport skip an hour.
    "flight-time": st.builds(lambda time, zone: time.replace(tzinfo=zone).isoformat(), seconds, zones)
    | seconds.map(lambda time: time.replace(hour=4 + time.hour % 20).isoformat()),
    # A day to depart on, and one to arrive on that is never before it.
    "date": st.dates(date(1990, 1, 1), date(2020, 8, 1)).map(date.isoformat),
    "arrival-date": st.dates(date(2051, 1, 1), date(2099, 12, 31)).map(date.isoformat),
    "iata-code": st.sampled_from(["JFK", "EWR", "SCL", "AKL"]),
    "duration": st.integers(1, 99).map("PT{}H10M".format),
}


@pytest.fixture
def kept(bundle_file: Path, tmp_path: Path) -> Iterator[tuple[Server, str]]:
    token = KeyStore(tmp_path).create("tower", datetime(2026, 1, 1, tzinfo=UTC))
    words = ("--bundle", str(bundle_file), "--state", str(tmp_path))
    with running(*words, rate="1000000", burst="1000000", webhook_secret="a secret") as server:
        yield server, token


def test_every_answer_is_one_that_the_document_describes(kept: tuple[Server, str]) -> None:
    server, key = kept
    credentials = {"grant_type": "client_credentials", "client_id": "tower", "client_secret": key}
    token = server.client.post("/v1/security/oauth2/token", data=credentials).json()["access_token"]
    for name, strategy in FORMATS.items():
        schemathesis.openapi.format(name, strategy)

    recorders = list(recorded(f"{server.url}/openapi.json", key, token))

    assert [failure for recorder in recorders for failure in failures(recorder)] == []
    assert sum(len(recorder.cases) for recorder in recorders) > 3 * EXAMPLES
    labels = {recorder.label for recorder in recorders}
    assert labels >= {"POST /webhooks/github", "POST /invocations"}
    answered = {
        recorder.label
        for recorder in recorders
        for interaction in recorder.interactions.values()
        if interaction.response is not None and interaction.response.status_code == 200
    }
    assert answered >= {
        "POST /predict",
        "PUT /timetable",
        "GET /metrics",
        "GET /v1/travel/predictions/flight-delay",
        "GET /v1/airport/predictions/on-time",
    }
    assert not [line for line in server.logged() if line["status"] >= 500]


def recorded(url: str, key: str, token: str) -> Iterator[ScenarioRecorder]:
    """Run all phases of Schemathesis: examples, coverage of the schema, drawn cases, sequences."""
    config = SchemathesisConfig.from_dict(
        {
            "seed": 1,
            "generation": {"max-examples": EXAMPLES, "deterministic": True},
            "auth": {"openapi": {"key": {"api_key": key}, "token": {"bearer": token}}},
        }
    )
    for event in engine.from_schema(schemathesis.openapi.from_url(url, config=config)).execute():
        assert not isinstance(event, events.NonFatalError | events.FatalError), event
        if isinstance(event, events.ScenarioFinished):
            yield event.recorder


def failures(recorder: ScenarioRecorder) -> Iterator[str]:
    for checks in recorder.checks.values():
        for check in checks:
            if (found := check.failure_info) is not None:
                yield f"{recorder.label}: {check.name}: {found.failure.message}\n{found.code_sample}"
