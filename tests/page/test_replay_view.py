"""A day that has passed, hour by hour, next to what happened."""

from datetime import UTC, datetime

from api.conftest import Server
from page.conftest import Open, shot, violations
from page.day_made import scheduled
from page.test_board_view import rows


def test_a_day_is_played_again_next_to_what_happened(open_page: Open, airport: Server) -> None:
    # Half an hour before the flight that left a hundred minutes ago.
    day, clock = scheduled(-130, datetime.now(UTC)).split("T")
    minutes = int(clock[:2]) * 60 + int(clock[3:]) // 10 * 10
    page = open_page(f"/?view=replay&airport=JFK&day={day}&at={minutes}")
    line = next(row for row in rows(page) if "scheduled" in row and "left" in row)
    assert "(+3 min)" in line
    assert "Brier score" in page.inner_text(".counts")
    scores = page.locator(".horizons tbody tr")
    scores.first.wait_for()
    # All flights of the day that are gone, half an hour before each.
    board = airport.client.get("/flights", params={"airport": "JFK", "from": day, "to": day}).json()
    gone = sum(flight["status"] in ("left", "arrived", "cancelled") for flight in board["flights"])
    assert gone > 3
    row = page.locator(".horizons tbody tr", has_text="30 min")
    row.get_by_text(str(gone), exact=True).first.wait_for()
    page.locator(".horizons canvas").wait_for()
    assert scores.count() == 6
    assert violations(page) == []
    shot(page, "replay")
    before = page.inner_text(".slider")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("(text) => document.querySelector('.slider').innerText !== text", arg=before)
    page.get_by_role("button", name="Pause").click()
    assert page.get_by_role("button", name="Play").is_visible()
    page.get_by_label("Airline").select_option("B6")
    assert all(" B6 " in row for row in rows(page))
    page.get_by_role("searchbox").fill("no such flight")
    page.get_by_text("No flight leaves here").wait_for()
