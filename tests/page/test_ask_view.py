"""One flight asked about by form, and a table that is dropped on the page."""

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from page.conftest import Open, shot, violations

HOSTILE = '''airline,flight_number,origin,destination,scheduled_departure,note
AA,100,JFK,MIA,2023-04-25T10:30,<script>document.title="hacked"</script>
B6,7,EWR,BOS,2023-04-25T21:00,"""><img src=x onerror=alert(1)>"
B6,8,EWR,BOS,2023-04-25T22:00,\u202eright to left\u202c
'''  # fmt: skip


def ask(page: Any) -> None:
    for label, value in (
        ("From", "jfk"),
        ("To", "MIA"),
        ("Airline", "B6"),
        ("Scheduled", "2023-04-25T21:30"),
    ):
        page.get_by_label(label).first.fill(value)
    page.get_by_role("button", name="Predict").click()
    page.wait_for_selector(".verdict")


def test_a_flight_is_asked_about_by_form_and_its_request_can_be_copied(open_page: Open) -> None:
    page = open_page("/?view=ask")
    page.wait_for_selector("#origins option", state="attached")
    assert "New York, John F Kennedy" in page.locator("#origins option").first.inner_text()
    ask(page)
    assert "%" in page.inner_text(".verdict")
    reasons = r"(the day|the airline|the route|the hour|crowded hour|last weeks)\t[+−]\d+\spoint"
    assert re.search(reasons, page.inner_text("#answer"))
    curl, python = page.locator(".snippet pre").all_inner_texts()
    assert "/predict" in curl
    assert '"airline":"B6"' in curl
    compile(python, "copied", "exec")
    assert violations(page) == []
    shot(page, "ask")
    # The address holds the question, so that it can be sent to somebody.
    page.reload()
    page.wait_for_selector(".verdict")


def test_what_the_service_refuses_is_shown_in_its_words(open_page: Open) -> None:
    page = open_page("/?view=ask&origin=JFK&destination=Atlantis&scheduled_departure=2023-04-25T21:30")
    page.wait_for_selector(".failure")
    assert "Atlantis" in page.inner_text("main")
    assert all("422" in text for text in page.complaints)
    page.complaints.clear()


def test_a_table_comes_back_with_predictions_and_whatever_stands_in_it_is_text(
    open_page: Open, tmp_path: Path
) -> None:
    page = open_page("/?view=ask", color_scheme="dark")
    file = tmp_path / "morning.csv"
    file.write_text(HOSTILE, encoding="utf-8")
    page.set_input_files("input[type=file]", file)
    page.wait_for_selector(".drop tbody tr")
    shown = page.locator(".drop tbody tr").all_inner_texts()
    assert '<script>document.title="hacked"</script>' in shown[0]
    assert '"><img src=x onerror=alert(1)>' in shown[1]
    assert all("%" in row for row in shown)
    assert "hacked" not in page.title()
    assert page.locator(".drop img").count() == 0
    assert violations(page) == []
    shot(page, "ask-table-dark")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert download.value.suggested_filename == "morning-predicted.csv"
    assert lines[0].startswith("airline,flight_number,origin,destination,scheduled_departure,note,")
    assert "late_probability" in lines[0]
    assert len(lines) == 4


def test_a_table_of_something_else_is_refused_in_words(open_page: Open, tmp_path: Path) -> None:
    page = open_page("/?view=ask")
    for name, words in (
        ("other.csv", "origin"),
        ("book.ods", "neither CSV nor"),
        ("book.xlsx", "cannot be read"),
    ):
        (tmp_path / name).write_text("no,flights\n1,2\n")
        page.set_input_files("input[type=file]", tmp_path / name)
        page.locator(".drop .failure", has_text=words).wait_for()
    assert all("400" in text for text in page.complaints)
    page.complaints.clear()


def test_a_workbook_comes_back_with_predictions_too(open_page: Open, tmp_path: Path) -> None:
    page = open_page("/?view=ask")
    times = [datetime(2023, 4, 25, 21, 30), datetime(2023, 4, 25, 22, 0)]
    flights = {"origin": ["JFK", "EWR"], "destination": ["MIA", "BOS"], "scheduled_departure": times}
    pl.DataFrame(flights | {"flight_number": [100, 7], "note": ["<b>x", None]}).write_excel(
        tmp_path / "day.xlsx"
    )
    page.set_input_files("input[type=file]", tmp_path / "day.xlsx")
    page.wait_for_selector(".drop tbody tr")
    first, second = page.locator(".drop tbody tr").all_inner_texts()
    assert "2023-04-25T21:30" in first
    assert "<b>x" in first
    assert "%" in second
    assert page.locator(".drop a[download]").get_attribute("download") == "day-predicted.csv"


def test_a_service_that_reads_no_workbooks_says_so(open_page: Open, tmp_path: Path) -> None:
    page = open_page("/?view=ask")
    page.route("**/tables", lambda route: route.fulfill(status=415, json={"detail": "the extra is missing"}))
    (tmp_path / "day.xlsx").write_bytes(b"PK")
    page.set_input_files("input[type=file]", tmp_path / "day.xlsx")
    page.locator(".drop .failure", has_text="reads no .xlsx").wait_for()
    page.complaints.clear()


def test_both_languages_say_the_same_things(open_page: Open) -> None:
    page = open_page()
    names = page.evaluate("""async () => {
      const base = document.querySelector("script").src.replace("main.js", "");
      const [{ EN }, { ES }] = await Promise.all(["english.js", "spanish.js"].map((name) => import(base + name)));
      const names = (words) => Object.entries(words).flatMap(([name, text]) =>
        [`${name} ${[...String(text).matchAll(/\\{\\w+\\}/g)].sort()}`,
         ...(name === "reasons" || name === "states" ? Object.keys(text) : [])]).sort();
      return [names(EN), names(ES)];
    }""")
    assert names[0] == names[1]
