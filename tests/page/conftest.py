"""A browser before a real service; where there is no Chromium, these tests say so and are left out."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from api.conftest import NOON, Server, bundle_file, other_bundle, running, two_models
from page.day_made import events, timetable
from puntual.api.auth.api_keys import KeyStore
from puntual.api.auth.rights import USUAL, Right
from puntual.registry import Bundle, Registry

__all__ = ["bundle_file", "other_bundle"]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SHOTS = Path(__file__).parents[2] / "build" / "shots"
GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "pictures"
PICTURES = {"board", "board-es", "flight", "flight-es", "replay", "model-promote"}
# Of what a browser does by itself nothing is wanted: it would ask hosts that are not ours.
_ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
)  # fmt: skip
Open = Callable[..., Any]


# No longer than these tests, since its driver keeps an event loop running, beside which no other test may have one.
@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium is on this machine")
    playwright = pytest.importorskip("playwright.sync_api", reason="the browser's driver is not installed")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def airport(bundle_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service that knows a day at JFK as it stands now, and asks nobody for a key."""
    state = tmp_path_factory.mktemp("page")
    with running("--bundle", str(bundle_file), "--state", str(state), "--no-auth") as server:
        now = datetime.now(UTC)
        server.client.put("/timetable", json=timetable(now)).raise_for_status()
        taken = server.client.post("/events", json={"events": events(now)}).raise_for_status()
        assert taken.json()["refused"] == []
        yield server


@dataclass(frozen=True)
class Keyed:
    """A service that follows a registry of two models and asks for keys."""

    server: Server
    state: Path
    registry: Registry
    versions: list[str]
    keys: dict[str, str]


@pytest.fixture(scope="session")
def keyed(
    made_bundle: Bundle, other_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Keyed]:
    state = tmp_path_factory.mktemp("keyed")
    registry, versions = two_models(state / "models", made_bundle, other_bundle)
    (state / "reports").mkdir()
    (state / "reports" / f"{versions[0]}.html").write_text(
        "<!doctype html><title>Report</title><h1>Of a training</h1>"
    )
    may = {"tower": USUAL, "analyst": [Right.PREDICT], "lead": [Right.PROMOTE]}
    keys = {name: KeyStore(state).create(name, NOON, rights) for name, rights in may.items()}
    words = ("--registry", registry.url, "--state", str(state))
    with running(*words, poll="0.2", reports=str(state / "reports")) as server:
        server.client.headers["x-api-key"] = keys["tower"]
        now = datetime.now(UTC)
        server.client.put("/timetable", json=timetable(now)).raise_for_status()
        server.client.post("/events", json={"events": events(now)}).raise_for_status()
        yield Keyed(server, state, registry, versions, keys)


@pytest.fixture
def open_page(browser: Any, airport: Server) -> Iterator[Open]:
    """Opens the page as a person would; whatever the browser complains of fails the test."""
    contexts, complaints = [], []

    def open_page(
        path: str = "/?airport=JFK", url: str = airport.url, key: str | None = None, **context: Any
    ) -> Any:
        usual = {"locale": "en-GB", "viewport": {"width": 1280, "height": 900}}
        contexts.append(browser.new_context(**usual | context))
        if key:
            contexts[-1].add_init_script(f"sessionStorage.setItem('puntual-key', '{key}')")
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.set_default_timeout(10_000)
        page.complaints = complaints
        page.goto(url + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def shot(page: Any, name: str) -> None:
    """Keep a picture of what a person sees; with TEST_PICTURES, those of the guide are renewed as well."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png")
    if name in PICTURES and os.environ.get("TEST_PICTURES"):
        shutil.copyfile(SHOTS / f"{name}.png", GUIDE / f"{name}.png")


def violations(page: Any) -> list[str]:
    """Give what axe finds against the rules of accessibility."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]
