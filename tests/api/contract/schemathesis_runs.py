"""What the runs of Schemathesis share: the formats of the document's own, a server with a key, and the run itself."""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import schemathesis
from hypothesis import strategies as st
from schemathesis import engine
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events
from schemathesis.engine.recorder import ScenarioRecorder

from api.conftest import Server, running
from puntual.api.auth.api_keys import KeyStore

# Each is chosen among a thousand made beforehand: to cover a schema many are drawn, and one made of parts takes ten
# times as long.
CHANCE = Random(1)
EARLIEST, SPAN = datetime(1991, 1, 1), int(timedelta(days=107 * 365).total_seconds())
MOMENTS = [EARLIEST + timedelta(seconds=CHANCE.randrange(SPAN)) for _ in range(1000)]
ZONES = [timezone(timedelta(minutes=CHANCE.randrange(-14 * 60, 14 * 60 + 1))) for _ in MOMENTS]
# Before four in the morning the clocks of some airport skip an hour.
SHOWN = [moment.replace(hour=4 + moment.hour % 20) for moment in MOMENTS]
DAYS = [date(1990, 1, 1), *(moment.date() for moment in MOMENTS), date(2099, 12, 31)]
airports = st.sampled_from(["JFK", "kjfk", "SCL", "SCEL", "EZE", "LHR", "AKL", "KATL"])
shown_times = st.sampled_from([moment.isoformat() for moment in SHOWN])
days = st.sampled_from([day.isoformat() for day in DAYS])
HEADER = "airline,flight_number,origin,destination,scheduled_departure"
rows = st.builds(
    "{},{},{},{},{:%Y-%m-%d %H:%M}".format,
    st.sampled_from(["AA", "LA"]),
    st.integers(1, 9999),
    st.sampled_from(["JFK", "kjfk", "SCL", "SCEL"]),
    st.sampled_from(["EZE", "LHR", "AKL", "KATL"]),
    st.sampled_from(SHOWN),
)
tables = st.lists(rows, min_size=1, max_size=5, unique=True)

# What the formats of the document's own mean.
FORMATS = {
    "airport-code": airports,
    "destination-code": st.sampled_from(["MIA", "kbos", "LAX", "EGLC"]),
    "local-flight-time": shown_times,
    "flight-time": shown_times
    | st.sampled_from(
        [time.replace(tzinfo=zone).isoformat() for time, zone in zip(MOMENTS, ZONES, strict=True)]
    ),
    "recent-flight-time": st.dates(date.today() + timedelta(days=1), date(2098, 12, 31)).map(
        "{}T12:30".format
    ),
    "day-or-flight-time": days | shown_times,
    "date": days,
    "arrival-date": days,
    "iata-code": st.sampled_from(["JFK", "EWR", "SCL", "AKL"]),
    "duration": st.integers(1, 99).map("PT{}H10M".format),
}
# How many requests are drawn for each operation, beside those that cover its schema; `make soak` draws more.
EXAMPLES = int(os.environ.get("TEST_EXAMPLES", "12"))
# Makers of clients know no CSV, so that the document names it in its text alone.
CSV_ROUTES = {"/timetable": "put", "/invocations": "post"}
# Its answer has no end, for which whoever draws requests would wait; `test_client.py` reads the first of its events.
ENDLESS = "/flights/stream"
# Each takes a process of its own for a second.
WORKBOOKS = {"include-path": "/tables", "generation": {"max-examples": 1}}


@dataclass(frozen=True)
class Keyed:
    """A server that asks for keys, one of them, and a token of Amadeus's clients for it."""

    server: Server
    key: str
    token: str


@contextlib.contextmanager
def keyed_server(bundle_file: Path, state: Path) -> Iterator[Keyed]:
    key = KeyStore(state).create("tower", datetime(2026, 1, 1, tzinfo=UTC))
    words = ("--bundle", str(bundle_file), "--state", str(state))
    with running(*words, rate="1000000", burst="1000000", webhook_secret="a secret") as server:
        credentials = {"grant_type": "client_credentials", "client_id": "tower", "client_secret": key}
        token = server.client.post("/v1/security/oauth2/token", data=credentials).json()["access_token"]
        yield Keyed(server, key, token)


def recorded(
    keyed: Keyed,
    routes: Callable[[str], bool],
    hooks: dict[str, Callable[..., Any]] | None = None,
    **config: Any,
) -> list[ScenarioRecorder]:
    """Run all phases of Schemathesis on some routes: examples, coverage of the schema, drawn cases, sequences."""
    for name, strategy in FORMATS.items():
        schemathesis.openapi.format(name, strategy)
    schemathesis.openapi.media_type(
        "text/csv", tables.map(lambda table: "\n".join([HEADER, *table, ""]).encode())
    )
    schemathesis.openapi.media_type("application/octet-stream", st.just(workbook()))
    document = keyed.server.client.get("/openapi.json").json()
    document["servers"] = [{"url": keyed.server.url}]
    document["paths"] = {
        path: methods for path, methods in document["paths"].items() if routes(path) and path != ENDLESS
    }
    for path in CSV_ROUTES.keys() & document["paths"].keys():
        content = document["paths"][path][CSV_ROUTES[path]]["requestBody"]["content"]
        content["text/csv"] = {"schema": {"type": "string", "format": "binary"}}
    settings = {
        "seed": 1,
        "base-url": keyed.server.url,
        "generation": {"max-examples": EXAMPLES, "deterministic": True},
        "auth": {"openapi": {"key": {"api_key": keyed.key}, "token": {"bearer": keyed.token}}},
    }
    settings |= config | {"operations": [WORKBOOKS, *config.get("operations", [])]}
    schema = schemathesis.openapi.from_dict(document, config=SchemathesisConfig.from_dict(settings))
    for name, hook in (hooks or {}).items():
        schema.hooks.register_hook_with_name(hook, name)
    recorders = []
    for event in engine.from_schema(schema).execute():
        assert not isinstance(event, events.NonFatalError | events.FatalError), event
        if isinstance(event, events.ScenarioFinished):
            recorders.append(event.recorder)
    return recorders


def workbook() -> bytes:
    """Write a workbook of one flight."""
    written = BytesIO()
    pl.DataFrame({"origin": ["JFK"], "destination": ["MIA"]}).write_excel(written)
    return written.getvalue()


def failures(recorders: list[ScenarioRecorder]) -> list[str]:
    return [
        f"{recorder.label}: {check.name}: {check.failure_info.failure.message}\n{check.failure_info.code_sample}"
        for recorder in recorders
        for checks in recorder.checks.values()
        for check in checks
        if check.failure_info is not None
    ]


def answered(recorders: list[ScenarioRecorder]) -> set[str]:
    """Name the operations that were answered with 200 at least once."""
    return {
        recorder.label
        for recorder in recorders
        for interaction in recorder.interactions.values()
        if interaction.response is not None and interaction.response.status_code == 200
    }


def cases(recorders: list[ScenarioRecorder]) -> int:
    return sum(len(recorder.cases) for recorder in recorders)
