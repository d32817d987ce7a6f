"""The model that answers, by its own card, the versions of the registry, and how another becomes champion."""

from typing import Any

from api.conftest import NOON, until
from page.conftest import Keyed, Open, shot, violations
from puntual.registry import Bundle

ASKED = "origin=JFK&destination=MIA&scheduled_departure=2023-04-25T21:30&airline=B6"
CARD = "# Title\n\n```text\n24 h  ███\n30 min █████\n```\n\n- a <b>b</b>\n- c\n\nplain"


def test_the_champion_says_how_good_it_is_and_another_is_shown_once_it_answers(
    open_page: Open, keyed: Keyed
) -> None:
    first, second = keyed.versions
    listed = {one["version"]: one for one in keyed.server.client.get("/models").raise_for_status().json()}
    assert {version: (one["is_champion"], one["answers"]) for version, one in listed.items()} == {
        first: (True, True),
        second: (False, False),
    }
    page = open_page("/?view=model", keyed.server.url, keyed.keys["tower"])
    page.wait_for_selector(".reliability canvas")
    # The key in use may not promote, so that the page shows what does.
    page.get_by_text(f"puntual models promote {second}").wait_for()
    assert "a key that may promote" in page.inner_text("main")
    assert page.get_by_role("button", name="Promote").count() == 0
    assert first in page.inner_text(".route")
    assert "ROC AUC" in page.inner_text("main")
    bins = keyed.server.client.get("/models/champion").json()["record"]["reliability"]
    assert page.locator(".reliability tbody tr").count() == len(bins) > 3
    assert page.locator(".checks li").count() == 7
    # All of it is in the language of the page, and the text in English is there for whoever wants it.
    assert not page.locator(".card h2").first.is_visible()
    page.get_by_text("The model card as it was written").click()
    assert "Calibration" in page.inner_text(".card")
    page.get_by_text("By airline").click()
    assert page.locator(".group", has_text="By airline").locator("tbody tr").count() == 4
    assert violations(page) == []
    shot(page, "model")
    # Another is promoted elsewhere while the page is open.
    keyed.registry.set_champion(second, NOON, previous=first)
    page.locator(".route", has_text=second).wait_for()
    page.get_by_text("puntual models rollback").wait_for()
    keyed.registry.rollback(NOON)
    assert until(lambda: keyed.server.client.get("/readyz").json()["model"] == first)


def test_a_key_that_may_promotes_and_rolls_back_by_a_second_click_on_words_that_say_so(
    open_page: Open, keyed: Keyed
) -> None:
    first, second = keyed.versions
    page = open_page("/?view=model", keyed.server.url, keyed.keys["lead"])
    page.get_by_role("button", name="Promote").click()
    dialog = page.locator("#change-dialog")
    assert f"{second} (lightgbm, trained until" in dialog.inner_text()
    assert f"becomes the champion in place of {first}" in dialog.inner_text()
    assert violations(page) == []
    shot(page, "model-promote")
    dialog.get_by_role("button", name="Leave it").click()
    assert keyed.registry.champion() == first

    page.get_by_role("button", name="Promote").click()
    dialog.get_by_role("button", name=f"Promote {second}").click()
    page.locator(".done", has_text=f"{second} is the champion now, in place of {first}").wait_for()
    page.locator(".route", has_text=second).wait_for()
    assert keyed.registry.champion() == second
    page.get_by_role("button", name="Roll back").click()
    assert f"the former champion, takes the place of {second} again" in dialog.inner_text()
    dialog.get_by_role("button", name=f"Roll back to {first}").click()
    page.locator(".route", has_text=first).wait_for()
    assert keyed.registry.champion() == first


def test_what_stands_in_the_way_is_said_with_the_command(open_page: Open, keyed: Keyed) -> None:
    first, second = keyed.versions
    keyed.registry.set_champion(second, NOON, previous=first)
    page = open_page("/?view=model", keyed.server.url, keyed.keys["lead"])
    page.get_by_role("button", name="Roll back").click()
    # Somebody else is faster, so that the words on the button are no longer true.
    keyed.registry.rollback(NOON)
    page.locator("#change-dialog").get_by_role("button", name=f"Roll back to {first}").click()
    failure = page.locator("main .failure")
    failure.wait_for()
    assert f"the champion is {first} now, expected {second}" in failure.inner_text()
    assert "puntual models rollback" in failure.inner_text()
    assert until(lambda: keyed.server.client.get("/readyz").json()["model"] == first)
    assert all("409" in text for text in page.complaints)
    page.complaints.clear()


def test_a_service_that_was_given_its_bundle_shows_the_command_alone(open_page: Open) -> None:
    page = open_page("/?view=model")
    page.wait_for_selector(".card")
    assert page.get_by_role("button", name="Promote").count() == 0


def test_the_card_speaks_the_language_of_the_page(open_page: Open, made_bundle: Bundle) -> None:
    page = open_page("/?view=model", locale="es-CL")
    page.wait_for_selector(".reliability canvas")
    split = made_bundle.manifest.split
    shown = page.inner_text("main")
    assert "Predice con cuánto atraso sale un vuelo." in shown
    assert f"{split.test_rows:,}".replace(",", ".") in shown
    assert "Para qué sirve" in shown
    assert "Un vuelo cancelado cuenta como atrasado" in shown
    assert "Calibrado: cumple" in shown
    for english in ("Intended use", "Calibration", "Limits", "passed", "Were late", "Left out"):
        assert english not in shown
    assert violations(page) == []
    shot(page, "model-es")


def test_a_model_of_live_states_shows_how_it_gets_better_as_the_day_unfolds(open_page: Open) -> None:
    page = open_page()

    def live(route: Any) -> None:
        answer = route.fetch()
        champion = answer.json()
        scores = champion["scores"]["history"]
        champion["record"]["horizons"] = [
            {"minutes": minutes, "state": state, "gone": gone, "scores": scores, "gain": None}
            for minutes, state, gone in ((0, "history", 0), (360, "live_720", 2), (30, "live_30", 17))
        ]
        route.fulfill(response=answer, json=champion)

    page.route("**/models/champion", live)
    page.goto(f"{page.url.split('?')[0]}?view=model")
    page.wait_for_selector(".horizons canvas")
    rows = page.locator(".horizons tbody tr").all_inner_texts()
    assert [row.split("\t")[0] for row in rows] == ["day before", "6 h", "30 min"]
    assert rows[2].split("\t")[2] == "17"
    assert "what a feed brings" in page.inner_text("main")
    assert violations(page) == []
    page.locator(".horizons").scroll_into_view_if_needed()
    shot(page, "model-horizons")
    page.unroute_all(behavior="ignoreErrors")


def test_a_model_of_arrivals_says_so_in_every_view(open_page: Open) -> None:
    page = open_page("/?airport=JFK")
    page.wait_for_selector("tr.watched")
    assert "Delay at departure" in page.inner_text(".legend")
    now = page.evaluate("document.querySelector('tr.watched time').dateTime")

    def arrivals(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"target": "arrival"})

    for path in ("**/flights?**", "**/models/champion"):
        page.route(path, arrivals)
    words_in = {
        f"airport=JFK&as_of={now}": "Late on arrival",
        f"view=replay&airport=JFK&day={now[:10]}": "This model predicts arrivals",
        f"view=ask&{ASKED}": "likely to arrive late",
        "view=model": "It predicts how late a flight arrives.",
    }
    for view, words in words_in.items():
        page.goto(f"{page.url.split('?')[0]}?{view}")
        page.get_by_text(words).first.wait_for()
    page.unroute_all(behavior="ignoreErrors")


def test_a_card_is_shown_as_it_is_written(open_page: Open) -> None:
    page = open_page("/?view=model")
    shown = page.evaluate(
        """async (card) => {
      const base = document.querySelector("script").src.replace("main.js", "");
      const { render } = await import(`${base}lit-html/lit-html.js`);
      const { markdown } = await import(`${base}markdown.js`);
      const place = document.createElement("div");
      render(markdown(card), place);
      return [...place.children].map((one) => `${one.localName} ${one.innerText}`);
    }""",
        CARD,
    )
    assert shown == ["h2 Title", "pre 24 h  ███\n30 min █████", "ul a <b>b</b>c", "p plain"]


def test_the_report_of_a_training_opens_from_here(open_page: Open, keyed: Keyed) -> None:
    page = open_page("/?view=model", keyed.server.url, keyed.keys["analyst"])
    with page.expect_download() as download:
        page.get_by_role("link", name="training report").click()
    assert "Of a training" in download.value.path().read_text()
    headers = keyed.server.client.get(f"/models/{keyed.versions[0]}/report").raise_for_status().headers
    assert headers["content-security-policy"].endswith("sandbox")
    assert keyed.server.client.get("/models/0123456789abcdef/report").status_code == 404
