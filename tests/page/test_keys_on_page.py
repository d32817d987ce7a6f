"""The page asks for a key when one is needed, keeps it for the tab, and offers what the key may."""

from datetime import UTC, datetime

from api.conftest import NOON, until
from page.conftest import Keyed, Open, shot, violations
from page.day_made import flight
from page.test_board_view import rows
from puntual.api.auth.api_keys import KeyStore


def test_a_key_is_wanted_kept_for_the_tab_and_never_in_the_address(open_page: Open, keyed: Keyed) -> None:
    key = KeyStore(keyed.state).create("briefly", NOON)
    page = open_page("/?airport=JFK", keyed.server.url)
    dialog = page.locator("#key-dialog")
    dialog.wait_for(state="visible")
    assert violations(page) == []
    shot(page, "key")
    dialog.get_by_label("Key").fill("nonsense")
    dialog.get_by_role("button", name="Use this key").click()
    page.wait_for_selector(".wrong")
    dialog.get_by_label("Key").fill(key)
    dialog.get_by_role("button", name="Use this key").click()
    rows(page)
    assert key not in page.url
    page.reload()
    rows(page)
    # A key that is revoked while the page is open sees no more news, and another is asked for.
    KeyStore(keyed.state).revoke("briefly")
    assert until(lambda: keyed.server.client.get("/key", headers={"x-api-key": key}).status_code == 401)
    note = {"kind": "note", "note": "gate 4", **flight(105, datetime.now(UTC))}
    del note["destination"]
    keyed.server.client.post("/flights/marks", json=note).raise_for_status()
    dialog.wait_for(state="visible")
    # That a request was refused is said by the browser, too.
    assert all("401" in text for text in page.complaints)
    page.complaints.clear()


def test_a_key_that_may_only_predict_is_offered_no_flight_to_take(open_page: Open, keyed: Keyed) -> None:
    tower = open_page("/?airport=JFK", keyed.server.url, keyed.keys["tower"])
    rows(tower)
    assert tower.get_by_role("button", name="Take").count() > 0
    analyst = open_page("/?airport=JFK", keyed.server.url, keyed.keys["analyst"])
    rows(analyst)
    analyst.get_by_role("button", name="Take").first.wait_for(state="detached")
