"""The model that answers, by its own card, and the versions of the registry."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.conftest import NOON, Server, running, until
from page.conftest import Open, shot, violations
from puntual.registry import Bundle, Registry


@pytest.fixture
def registered(
    made_bundle: Bundle, other_bundle: Bundle, tmp_path: Path
) -> Iterator[tuple[Server, Registry, list[str]]]:
    registry = Registry(tmp_path / "models")
    versions = [registry.publish(bundle) for bundle in (made_bundle, other_bundle)]
    registry.set_champion(versions[0], NOON, previous=None)
    words = ("--registry", registry.url, "--state", str(tmp_path / "state"), "--no-auth")
    with running(*words, poll="0.2") as server:
        yield server, registry, versions


def test_the_champion_says_how_good_it_is_and_another_is_shown_once_it_answers(
    open_page: Open, registered: tuple[Server, Registry, list[str]]
) -> None:
    server, registry, (first, second) = registered
    listed = {one["version"]: one for one in server.client.get("/models").raise_for_status().json()}
    assert {version: (one["is_champion"], one["answers"]) for version, one in listed.items()} == {
        first: (True, True),
        second: (False, False),
    }
    page = open_page("/?view=model", server.url)
    page.wait_for_selector(".card h2")
    page.get_by_text(f"puntual models promote {second}").wait_for()
    assert first in page.inner_text(".route")
    assert "ROC AUC" in page.inner_text("main")
    assert "Calibration" in page.inner_text(".card")
    assert violations(page) == []
    shot(page, "model")
    registry.set_champion(second, NOON, previous=first)
    assert until(lambda: server.client.get("/readyz").json()["model"] == second)
    page.get_by_role("link", name="Board").click()
    page.get_by_role("link", name="Model").click()
    page.get_by_text(f"puntual models promote {first}").wait_for()
    assert second in page.inner_text(".route")
