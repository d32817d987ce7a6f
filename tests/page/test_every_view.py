"""Every view at every width, in both languages and both colours: nothing sticks out, and no rule is broken."""

from typing import Any

import pytest

from page.conftest import GUIDE, PICTURES, Keyed, Open, shot, violations

VIEWS = {
    "board": "table.board tbody tr",
    "replay": "table.board tbody tr",
    "ask&origin=JFK&destination=MIA&scheduled_departure=2023-04-25T21:30&airline=B6": ".verdict",
    "model": ".reliability canvas",
}
WIDTHS = (360, 768, 1024, 1280, 1920, 2560)


def sticking_out(page: Any) -> list[str]:
    """Name what is wider than the window, but for what scrolls within it."""
    return page.evaluate("""() => {
      const width = document.documentElement.clientWidth;
      if (document.documentElement.scrollWidth <= width) return [];
      const wide = [...document.querySelectorAll("main *")].filter((one) =>
        one.getBoundingClientRect().right > width + 1 && !one.closest(".scroll, pre"));
      return ["the page", ...wide.filter((one) => ![...one.children].some((child) => wide.includes(child)))
        .map((one) => one.outerHTML.slice(0, 120))];
    }""")


@pytest.mark.parametrize(("language", "scheme"), [("en-GB", "dark"), ("es-CL", "light")])
def test_nothing_sticks_out_at_any_width_and_no_rule_is_broken(
    open_page: Open, language: str, scheme: str
) -> None:
    page = open_page("/?airport=JFK", locale=language, color_scheme=scheme)
    for view, stands in VIEWS.items():
        page.goto(f"{page.url.split('?')[0]}?view={view}&airport=JFK")
        page.wait_for_selector(stands)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            assert sticking_out(page) == [], (view, width)
        page.set_viewport_size({"width": 360, "height": 740})
        assert violations(page) == [], view
        shot(page, f"{view.partition('&')[0]}-360-{language[:2]}-{scheme}")


def test_a_flight_on_a_phone_and_the_help_break_no_rule(open_page: Open) -> None:
    page = open_page(viewport={"width": 360, "height": 740}, has_touch=True)
    page.locator("table.board tbody th a").first.click()
    page.wait_for_selector(".movements")
    assert sticking_out(page) == []
    assert violations(page) == []
    shot(page, "flight-360")
    page.get_by_role("button", name="Keyboard").click()
    page.locator("#help-dialog").wait_for(state="visible")
    assert violations(page) == []
    shot(page, "help-360")


def test_nothing_moves_for_those_who_want_it_still(open_page: Open) -> None:
    page = open_page(reduced_motion="reduce")
    page.wait_for_selector("table.board tbody tr")
    assert page.evaluate("document.getAnimations().length") == 0
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


def test_a_champion_that_is_swapped_answers_on_a_board_that_stays_open(open_page: Open, keyed: Keyed) -> None:
    first, second = keyed.versions
    page = open_page("/?airport=JFK", keyed.server.url, keyed.keys["tower"])
    page.wait_for_selector("tr.watched td.chance")
    before = page.locator("tr.watched td.chance").all_inner_texts()
    promote = f"/models/{second}/promote"
    key = {"x-api-key": keyed.keys["lead"]}
    keyed.server.client.post(promote, headers=key).raise_for_status()
    page.wait_for_function(
        "(before) => [...document.querySelectorAll('tr.watched td.chance')].map((one) => one.innerText).join()"
        " !== before",
        arg=",".join(before),
    )
    assert page.locator(".failure, .lost").count() == 0
    keyed.server.client.post("/models/rollback", headers=key).raise_for_status()
    assert keyed.registry.champion() == first


def test_whatever_an_airline_calls_itself_is_shown_as_text(open_page: Open, keyed: Keyed) -> None:
    page = open_page(
        "/?airport=JFK&airline=%22%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E",
        keyed.server.url,
        keyed.keys["tower"],
    )
    page.get_by_text("No flight leaves here").wait_for()
    hostile = [
        ("airline", '"><img src=x onerror=alert(1)>'),
        ("flight_number", "<script>1</script>"),
        ("tail", "\u202eN1<b>"),
    ]

    def answer(route: Any) -> None:
        page_of = route.fetch()
        content = page_of.json()
        for flight in content["flights"]:
            flight.update(hostile)
        route.fulfill(response=page_of, json=content)

    page.route("**/flights?**", answer)
    page.goto(f"{keyed.server.url}/?view=replay&airport=JFK")
    page.wait_for_selector("table.board tbody tr")
    assert '"><img src=x onerror=alert(1)> <script>1</script>' in page.inner_text("table.board tbody")
    assert page.locator("main img, main script, main b").count() == 0
    page.unroute_all(behavior="ignoreErrors")


def test_the_pictures_of_the_guide_are_those_that_these_tests_take() -> None:
    assert {path.stem for path in GUIDE.iterdir()} == PICTURES
