"""Two controllers before one airport: each sees what happens, and what the other does, as it happens."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from api import conftest as api
from api.conftest import NOON, Server, running
from page.conftest import Open, shot, violations
from page.day_made import events, flight, scheduled, timetable
from page.test_board_view import rows
from puntual.api.auth.api_keys import KeyStore

HOSTILE = '<script>alert(1)</script> "><img src=x onerror=alert(2)> \u202egate'


@pytest.fixture
def shared(bundle_file: Path, tmp_path: Path) -> Iterator[tuple[Server, dict[str, str], tuple[str, ...]]]:
    keys = {name: KeyStore(tmp_path).create(name, NOON) for name in ("tower", "ground")}
    words = ("--bundle", str(bundle_file), "--state", str(tmp_path))
    with running(*words) as server:
        server.client.headers["x-api-key"] = keys["tower"]
        now = datetime.now(UTC)
        server.client.put("/timetable", json=timetable(now, range(-25, 200, 10))).raise_for_status()
        server.client.post("/events", json={"events": events(now)}).raise_for_status()
        yield server, keys, words


def enter(open_page: Open, server: Server, key: str) -> Any:
    page = open_page("/?airport=JFK&watch=5", server.url)
    dialog = page.locator("#key-dialog")
    dialog.wait_for(state="visible")
    dialog.get_by_label("Key").fill(key)
    dialog.get_by_role("button", name="Use this key").click()
    rows(page)
    page.complaints.clear()  # The browser's own word on the first refusal.
    return page


def test_each_sees_what_the_other_does_and_what_happens_also_over_a_restart(
    open_page: Open,
    shared: tuple[Server, dict[str, str], tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, keys, words = shared
    tower, ground = (enter(open_page, server, keys[name]) for name in ("tower", "ground"))
    first = tower.locator("tr.overdue").first
    name = first.locator("th").inner_text()
    # Both want the same flight: the first has it, both see who, and the second cannot take it away.
    tower.locator("tr", has_text=name).first.get_by_role("button").click()
    for page in (tower, ground):
        page.locator("tr", has_text=name).first.get_by_text("tower, open since").wait_for()
    ground.get_by_role("link", name=name).focus()
    with ground.expect_response("**/flights/marks") as answered:
        ground.keyboard.press("a")
    assert answered.value.json()["acknowledged_by"] == "tower"

    ground.get_by_role("link", name=name).click()
    ground.get_by_label("Note").fill(HOSTILE)
    ground.get_by_role("button", name="Add note").click()
    ground.locator(".marks li", has_text=HOSTILE[:20]).wait_for()
    assert ground.locator(".marks img, .marks script").count() == 0
    assert violations(ground) == []
    shot(ground, "flight-in-hand")
    tower.locator("tr", has_text=name).first.get_by_text("notes: 1").wait_for()
    ground.get_by_role("button", name="Hand over").click()
    tower.locator("tr", has_text=name).first.get_by_text("handed over by ground").wait_for()
    assert violations(tower) == []
    shot(tower, "board-in-hand")

    # It leaves, and is no longer to be watched.
    now = datetime.now(UTC)
    gone = {"kind": "left", **flight(-25, now), "at": scheduled(-1, now), "known_at": scheduled(-1, now)}
    gone["flight_number"] = name.split()[1]
    gone["airline"] = name.split()[0]
    gone["scheduled_departure"] = first.locator("time").get_attribute("datetime")
    assert server.client.post("/events", json={"events": [gone]}).json()["applied"] == 1
    tower.locator("tr", has_text=name).wait_for(state="detached")

    # The service ends and comes back on the same port: said, and then forgotten.
    server.process.terminate()
    tower.wait_for_selector(".lost")
    server.process.wait(timeout=60)
    monkeypatch.setattr(api, "_free_port", lambda: server.port)
    with running(*words):
        tower.wait_for_selector(".lost", state="detached", timeout=20_000)
        assert len(rows(tower)) > 3
        tower.complaints.clear()  # The browser's own words on connections that it could not make.
