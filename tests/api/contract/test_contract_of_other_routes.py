"""The timetable, Amadeus's routes, the webhook, the probes and the rest keep to the OpenAPI document."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from api.contract.schemathesis_runs import EXAMPLES, answered, cases, failures, keyed_server, recorded

NOT_HERE = {"/predict", "/invocations"}
APART = timedelta(days=2)
# A bad event is refused by itself, in an answer of 200 that says so.
EACH_BY_ITSELF = {"include-path": "/events", "checks": {"negative_data_rejection": {"enabled": False}}}


def possible(_: Any, query: dict[str, Any] | None) -> dict[str, Any] | None:
    """Let a flight go elsewhere, and arrive two days after it left: no schema can say that of two parameters."""
    query = dict(query or {})
    if query.get("originLocationCode") == query.get("destinationLocationCode") == "JFK":
        query["destinationLocationCode"] = "EWR"
    elif query.get("originLocationCode") == query.get("destinationLocationCode") in ("EWR", "SCL", "AKL"):
        query["destinationLocationCode"] = "JFK"
    if "from" in query and "to" in query:
        # A board is asked about a week at most.
        query["to"] = query["from"][:10]
        query["from"] = query["from"][:10]
    try:
        first, last = sorted(date.fromisoformat(query[name]) for name in ("departureDate", "arrivalDate"))
    except (KeyError, TypeError, ValueError):
        return query
    if last - first < APART:
        first = min(first, date(2099, 12, 31) - APART)
        last = first + APART
    return query | {"departureDate": first.isoformat(), "arrivalDate": last.isoformat()}


def test_every_answer_is_one_that_the_document_describes(bundle_file: Path, tmp_path: Path) -> None:
    with keyed_server(bundle_file, tmp_path) as keyed:
        recorders = recorded(
            keyed,
            lambda path: path not in NOT_HERE,
            {"map_query": possible},
            operations=[EACH_BY_ITSELF],
        )
        assert failures(recorders) == []
        assert cases(recorders) > 3 * EXAMPLES
        assert "POST /webhooks/github" in {recorder.label for recorder in recorders}
        assert answered(recorders) >= {
            "PUT /timetable",
            "GET /timetable",
            "GET /metrics",
            "POST /events",
            "GET /flights",
            "POST /tables",
            "GET /v1/travel/predictions/flight-delay",
            "GET /v1/airport/predictions/on-time",
        }
        assert not [line for line in keyed.server.logged() if line["status"] >= 500]
