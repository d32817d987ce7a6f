"""The timetable, Amadeus's routes, the webhook, the probes and the rest keep to the OpenAPI document."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from api.contract.schemathesis_runs import answered, cases, failures, keyed_server, recorded

NOT_HERE = {"/predict", "/invocations"}
EXAMPLES = 40


def in_order(_: Any, query: dict[str, Any] | None) -> dict[str, Any] | None:
    """Let a flight arrive two days after it left, or later: a schema cannot say of one day that it is after another."""
    try:
        left, arrived = (date.fromisoformat((query or {})[name]) for name in ("departureDate", "arrivalDate"))
    except (KeyError, TypeError, ValueError):
        return query
    apart = timedelta(days=2)
    first, last = sorted((left, arrived))
    if last - first < apart:
        first = first - apart if last > date(2099, 12, 29) else first
        last = first + apart
    return (query or {}) | {"departureDate": first.isoformat(), "arrivalDate": last.isoformat()}


def test_every_answer_is_one_that_the_document_describes(bundle_file: Path, tmp_path: Path) -> None:
    with keyed_server(bundle_file, tmp_path) as keyed:
        recorders = recorded(keyed, lambda path: path not in NOT_HERE, EXAMPLES, {"map_query": in_order})
        assert failures(recorders) == []
        assert cases(recorders) > 3 * EXAMPLES
        assert "POST /webhooks/github" in {recorder.label for recorder in recorders}
        assert answered(recorders) >= {
            "PUT /timetable",
            "GET /timetable",
            "GET /metrics",
            "GET /v1/travel/predictions/flight-delay",
            "GET /v1/airport/predictions/on-time",
        }
        assert not [line for line in keyed.server.logged() if line["status"] >= 500]
