"""The board in a browser: what needs somebody now stands on top, whatever the language, the size and the device."""

from typing import Any

import pytest

from page.conftest import Open, shot, violations

ROWS = "table.board tbody tr:not(.cut)"


def rows(page: Any) -> list[str]:
    page.wait_for_selector(ROWS)
    return [" ".join(text.split()) for text in page.locator(ROWS).all_inner_texts()]


def plotters(page: Any) -> list[str]:
    """Give the files of uPlot that the page has loaded, which no board needs."""
    loaded = page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
    return sorted(name.rpartition("/")[2] for name in loaded if "uPlot" in name)


def test_the_three_flights_that_need_somebody_now_are_seen_with_their_reasons_without_a_click(
    open_page: Open,
) -> None:
    page = open_page()
    first = rows(page)[:3]
    assert all("overdue" in row and "points" in row for row in first)
    boxes = [page.locator(ROWS).nth(place).bounding_box() for place in range(3)]
    assert all(box["y"] + box["height"] <= 900 for box in boxes)
    shot(page, "board")


def test_the_likeliest_late_come_next_and_the_list_is_cut_at_the_capacity(open_page: Open) -> None:
    page = open_page("/?airport=JFK&watch=5")
    rows(page)
    cells = page.locator("tr.watched:not(.overdue) td.chance").all_inner_texts()
    chances = [int(text.split("%")[0]) for text in cells]
    assert len(chances) == 2
    assert chances == sorted(chances, reverse=True)
    assert page.locator("tr.cut").inner_text() == "The 5 to watch end here"


def test_filters_and_order_live_in_the_address(open_page: Open) -> None:
    page = open_page()
    rows(page)
    page.get_by_label("Airline").select_option("B6")
    page.get_by_label("State").select_option("all")
    page.get_by_role("button", name="Time").click()
    assert "airline=B6" in page.url
    assert "order=time" in page.url
    assert page.locator("th.time").get_attribute("aria-sort") == "ascending"
    assert page.locator("th.late").get_attribute("aria-sort") is None
    shown = rows(page)
    assert all(" B6 " in row for row in shown)
    assert any("left" in row for row in shown)
    page.reload()
    # By their names, since numbers move with the clock.
    assert [row.split()[1:3] for row in rows(page)] == [row.split()[1:3] for row in shown]
    page.get_by_role("searchbox").fill("no such flight")
    assert "No flight leaves here" in page.inner_text("main")


def test_what_changed_since_somebody_looked_is_marked(open_page: Open) -> None:
    page = open_page()
    rows(page)
    # As if that flight had been likelier, another unknown, and a third had left since.
    page.evaluate("""() => {
      const looked = JSON.parse(localStorage.getItem("puntual-looked-JFK"));
      const [first, second] = Object.keys(looked.flights);
      looked.flights[first][0] = 1 - looked.flights[first][0];
      delete looked.flights[second];
      looked.flights["AA 999 JFK 2026-01-01T00:00"] = [0.5, "scheduled"];
      localStorage.setItem("puntual-looked-JFK", JSON.stringify(looked));
    }""")
    page.reload()
    rows(page)
    assert page.locator(".mark").count() == 2
    assert "1 new" in page.inner_text(".changes")
    assert "1 gone" in page.inner_text(".changes")
    page.get_by_role("button", name="I have looked").click()
    assert page.locator(".mark").count() == 0
    assert "no change" in page.inner_text(".changes")


def test_all_is_done_by_keyboard(open_page: Open) -> None:
    page = open_page()
    rows(page)
    for key in ("j", "j", "j", "k"):
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.closest('tr').rowIndex") == 2
    flight = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert page.locator("#help-dialog").is_visible()
    page.keyboard.press("Escape")
    page.locator("#help-dialog").wait_for(state="hidden")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_selector(".verdict")
    assert page.inner_text("h1") == flight
    assert violations(page) == []
    page.go_back()
    rows(page)


def test_a_key_on_the_heels_of_a_dialog_that_closes_is_not_lost(open_page: Open) -> None:
    page = open_page()
    rows(page)
    page.keyboard.press("?")
    # Before the page is painted, the field of the closed dialog still has the focus, as for whoever types fast.
    standing = page.evaluate("""() => {
      document.getElementById("help-dialog").close();
      const field = document.activeElement;
      field.dispatchEvent(new KeyboardEvent("keydown", { key: "j", bubbles: true }));
      return [field.type, document.activeElement.textContent];
    }""")
    assert standing == ["checkbox", page.locator("table.board th a").first.inner_text()]


# Once what was drawn is painted, and what was put off until then is done.
PAINTED = """() => new Promise((done) =>
  requestAnimationFrame(() => setTimeout(() => requestAnimationFrame(() => setTimeout(done)))))"""


def test_who_stands_on_a_flight_stays_on_it_whatever_moves_and_on_the_next_when_it_is_gone(
    open_page: Open,
) -> None:
    page = open_page("/?airport=JFK&state=scheduled")
    rows(page)
    names = page.locator("table.board th a").all_inner_texts()
    for _ in range(3):
        page.keyboard.press("j")
    stands = "document.activeElement.closest('tr')?.querySelector('th').textContent"
    assert page.evaluate(stands) == names[2]
    # In another order, in another language, and once a part of the board came in between; far down the list, too, where
    # a browser lays nothing out, and takes the focus away only once it has painted.
    for _ in range(10):
        page.keyboard.press("o")
        page.evaluate(PAINTED)
        assert page.evaluate(stands) == names[2]
    page.evaluate("""() => {
      const select = document.querySelector(".choices select");
      select.value = "es";
      select.dispatchEvent(new Event("change"));
    }""")
    assert page.evaluate("document.documentElement.lang") == "es-CL"
    assert page.evaluate(stands) == names[2]
    # The filter lets it through no longer: on the next one, from which the keys go on.
    page.evaluate(
        """(name) => {
      const search = document.getElementById("search");
      search.value = name;
      search.dispatchEvent(new Event("input"));
    }""",
        names[3].split()[1],
    )
    assert page.evaluate(stands) == names[3]


def test_who_comes_back_from_a_flight_stands_on_it(open_page: Open) -> None:
    page = open_page()
    rows(page)
    flight = page.locator("table.board th a").nth(1).inner_text()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_selector(".verdict")
    # What is read, and where the next key goes, begins with the view.
    assert page.evaluate("document.activeElement.id") == "content"
    page.go_back()
    rows(page)
    page.wait_for_function("document.activeElement.closest('table.board th')")
    assert page.evaluate("document.activeElement.textContent") == flight
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.textContent") == flight


@pytest.mark.parametrize(
    ("language", "width", "height", "scheme"),
    [
        ("es-CL", 360, 740, "dark"),
        ("en-GB", 1280, 900, "light"),
        ("es-CL", 2560, 1440, "dark"),
    ],
)
def test_no_rule_of_accessibility_is_broken(
    open_page: Open, language: str, width: int, height: int, scheme: str
) -> None:
    page = open_page(
        "/?airport=JFK&state=all",
        locale=language,
        color_scheme=scheme,
        viewport={"width": width, "height": height},
    )
    rows(page)
    assert page.evaluate("document.documentElement.lang") == language.replace("-GB", "")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []
    shot(page, f"board-{width}-{language[:2]}-{scheme}")


def test_a_flight_shows_what_moved_it_and_what_its_aircraft_flew_before(open_page: Open) -> None:
    page = open_page()
    rows(page)
    assert plotters(page) == []
    page.locator("tr", has_text="N515JB").get_by_role("link").click()
    legs = page.locator("section", has_text="What N515JB flew before")
    legs.wait_for()
    assert "DL 275" in legs.inner_text()
    assert "(+70 min)" in legs.inner_text()
    news = page.locator(".movements tbody tr", has_text="Aircraft N515JB")
    assert "%" in news.inner_text()
    page.locator(".moves canvas").wait_for()
    assert page.locator(".moves .event").count() == 1
    assert plotters(page) == ["uPlot.esm.js", "uPlot.min.css"]
    assert violations(page) == []
    shot(page, "flight")


def test_times_are_local_with_utc_at_hand_and_counts_are_said_to_those_who_cannot_see(
    open_page: Open,
) -> None:
    page = open_page()
    rows(page)
    assert "3 overdue" in page.locator("#announcer").inner_text()
    local = page.locator("table.board time").first.inner_text()
    page.get_by_label("Times").select_option("UTC")
    utc = page.locator("table.board time").first.inner_text()
    assert utc.endswith("Z")
    assert utc[3:5] == local[3:5]
    assert utc[:2] != local[:2]


def test_the_language_is_switched_and_stays(open_page: Open) -> None:
    page = open_page()
    rows(page)
    page.get_by_label("Language").select_option("es")
    assert "Salidas de JFK" in page.inner_text("h1")
    page.reload()
    rows(page)
    assert "con hora vencida: 3" in page.inner_text(".counts")
    shot(page, "board-es")
    page.locator("tr", has_text="N515JB").get_by_role("link").click()
    page.get_by_text("Lo que voló antes el N515JB").wait_for()
    page.locator(".moves canvas").wait_for()
    shot(page, "flight-es")


def test_who_stands_on_a_line_stays_on_it_when_it_moves(open_page: Open) -> None:
    page = open_page("/?airport=JFK&state=scheduled")
    rows(page)
    page.locator("table.board th a").last.focus()
    flight = page.evaluate("document.activeElement.textContent")
    for _ in range(2):
        page.keyboard.press("o")
        assert page.evaluate("document.activeElement.textContent") == flight


def test_one_point_and_a_share_beside_a_plot_are_written_as_people_do(open_page: Open) -> None:
    page = open_page()
    written = page.evaluate("""async () => {
      const base = document.querySelector("script").src.replace("main.js", "");
      const { sayPoints } = await import(`${base}words.js`);
      const { SHARES } = await import(`${base}line_plot.js`);
      return [sayPoints(0.012, "+1"), sayPoints(-0.03, "-3"), SHARES.label(0.5, 1)];
    }""")
    assert written == ["+1\u00a0point", "-3\u00a0points", "50%"]


def test_a_print_is_the_list_alone(open_page: Open) -> None:
    page = open_page()
    rows(page)
    page.emulate_media(media="print")
    assert not page.locator("form.controls").is_visible()
    assert page.locator(ROWS).first.is_visible()
    shot(page, "board-print")


def test_a_lost_service_is_said_and_one_that_is_back_is_used(open_page: Open) -> None:
    page = open_page()
    rows(page)
    page.context.set_offline(True)
    page.get_by_label("Hours ahead").select_option("6")
    page.wait_for_selector(".lost")
    page.complaints.clear()  # The browser itself says that the network is away.
    page.context.set_offline(False)
    page.wait_for_selector(".lost", state="detached")
    page.complaints.clear()
    assert rows(page)
