"""The page asks for a key when one is needed, keeps it for the tab, and shows hostile texts as texts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.conftest import NOON, Server, running
from page.conftest import Open, shot, violations
from puntual.api.auth.api_keys import KeyStore


@pytest.fixture(scope="module")
def locked(bundle_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str, Path]]:
    state = tmp_path_factory.mktemp("locked")
    key = KeyStore(state).create("tower", NOON)
    with running("--bundle", str(bundle_file), "--state", str(state)) as server:
        yield server, key, state


def test_a_key_is_wanted_kept_for_the_tab_and_never_in_the_address(
    open_page: Open, locked: tuple[Server, str, Path]
) -> None:
    server, key, state = locked
    page = open_page("/?airport=JFK", server.url)
    dialog = page.locator("#key-dialog")
    dialog.wait_for(state="visible")
    assert violations(page) == []
    shot(page, "key")
    dialog.get_by_label("Key").fill("nonsense")
    dialog.get_by_role("button", name="Use this key").click()
    page.wait_for_selector(".wrong")
    dialog.get_by_label("Key").fill(key)
    dialog.get_by_role("button", name="Use this key").click()
    page.wait_for_selector("h1")
    assert key not in page.url
    page.reload()
    page.wait_for_selector("h1")
    # A key that is revoked while the page is open is asked for again.
    KeyStore(state).revoke("tower")
    page.wait_for_timeout(1_500)
    page.get_by_label("Hours ahead").select_option("6")
    dialog.wait_for(state="visible")
    # That a request was refused is said by the browser, too.
    assert all("401" in text for text in page.complaints)
    page.complaints.clear()
