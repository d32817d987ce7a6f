"""Who has a flight in hand is known to all who look at its board, and to whoever comes after a restart."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.conftest import NOON, running, until
from api.live.test_events import words
from puntual.api.auth.api_keys import KeyStore

DEPARTS = (datetime.now(UTC) + timedelta(days=1)).replace(tzinfo=None).isoformat(timespec="minutes")
FLIGHT = {
    "airline": "AA",
    "flight_number": "1",
    "origin": "JFK",
    "scheduled_departure": DEPARTS,
}


def mark(client: httpx.Client, kind: str, key: str = "", **fields: str) -> httpx.Response:
    headers = {"x-api-key": key} if key else {}
    return client.post("/flights/marks", json={"kind": kind, **FLIGHT, **fields}, headers=headers)


def marks_on_board(client: httpx.Client, key: str = "") -> Any:
    params = {"airport": "JFK", "from": DEPARTS[:10], "to": DEPARTS[:10]}
    answer = client.get("/flights", params=params, headers={"x-api-key": key} if key else {})
    return [flight.get("marks") for flight in answer.raise_for_status().json()["flights"]]


def test_of_two_who_acknowledge_a_flight_the_first_has_it_and_hands_it_over(
    bundle_file: Path, tmp_path: Path
) -> None:
    keys = {name: KeyStore(tmp_path).create(name, NOON) for name in ("tower", "ground")}
    serving = ("--bundle", str(bundle_file), "--state", str(tmp_path))
    with running(*serving) as server:
        client = server.client
        timetable = [FLIGHT | {"destination": "MIA"}]
        client.put("/timetable", json=timetable, headers={"x-api-key": keys["tower"]}).raise_for_status()
        assert mark(client, "acknowledged").status_code == 401
        assert marks_on_board(client, keys["tower"]) == [None]
        first = mark(client, "acknowledged", keys["tower"]).json()
        assert first["acknowledged_by"] == "tower"
        assert mark(client, "acknowledged", keys["ground"]).json() == first
        noted = mark(client, "note", keys["ground"], note="  <b>gate\u202e 7</b> ").json()
        assert [(note["by"], note["text"]) for note in noted["notes"]] == [("ground", "<b>gate\u202e 7</b>")]
        assert mark(client, "note", keys["ground"], note=" ").json() == noted
        handed_over = mark(client, "handed_over", keys["tower"]).json()
        assert "acknowledged_by" not in handed_over
        assert (handed_over["handed_over_by"], handed_over["open_since"]) == ("tower", first["open_since"])
        taken = mark(client, "acknowledged", keys["ground"]).json()
    # All of it is there after a restart.
    with running(*serving) as server:
        assert until(lambda: marks_on_board(server.client, keys["ground"]) == [taken])
        assert taken["acknowledged_by"] == "ground"
        assert mark(server.client, "released", keys["ground"]).json() == {"notes": noted["notes"]}


def test_workers_know_each_others_marks(bundle_file: Path, tmp_path: Path) -> None:
    with running(*words(bundle_file, tmp_path), "--workers", "2") as server:
        server.client.put("/timetable", json=[FLIGHT | {"destination": "MIA"}]).raise_for_status()
        mark(server.client, "acknowledged").raise_for_status()

        def is_known_to_whoever_answers() -> bool:
            with httpx.Client(base_url=server.url) as other:
                return marks_on_board(other)[0] is not None

        assert until(lambda: all(is_known_to_whoever_answers() for _ in range(8)))


@pytest.mark.parametrize(
    ("fields", "status", "pointer"),
    [
        ({"origin": "Atlantis"}, 422, "#/origin"),
        ({"scheduled_departure": "2023-04-20T10:30"}, 422, "#/scheduled_departure"),
        ({"kind": "boarded"}, 400, None),
        ({"kind": "note", "note": "n" * 501}, 400, None),
    ],
)
def test_a_mark_that_means_nothing_is_refused(
    client: httpx.Client, fields: dict[str, str], status: int, pointer: str | None
) -> None:
    answer = client.post("/flights/marks", json={"kind": "acknowledged", **FLIGHT, **fields})
    assert answer.status_code == status
    assert [error["pointer"] for error in answer.json().get("errors", [])] == ([pointer] if pointer else [])


def test_without_a_journal_no_mark_is_kept(bundle_file: Path, tmp_path: Path) -> None:
    with running(*words(bundle_file, tmp_path), journal="off") as server:
        assert mark(server.client, "acknowledged").status_code == 503
