"""The report can be read by people, fetches nothing, shows all that was found, and lets no data be markup."""

import re
from html.parser import HTMLParser

import msgspec
import numpy as np
import pytest

from puntual.evaluation import Curves
from puntual.reporting.html_report import render_report, write_report
from puntual.reporting.narrative import leak, verdict
from puntual.reporting.training_result import Rate

SECTIONS = (
    "verdict",
    "comparison",
    "splits",
    "states",
    "rolling",
    "ablation",
    "curves",
    "rates",
    "groups",
    "data",
    "gate",
    "model",
)


class Page(HTMLParser):
    """Tags with their attributes, and the text outside style sheets."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self._open = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_data(self, data):
        if self._open and self._open[-1] != "style":
            self.text.append(data)

    def values(self, attribute):
        return [attrs[attribute] for _, attrs in self.tags if attribute in attrs]


@pytest.fixture(scope="module")
def html(make_training):
    return render_report(make_training())


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def text_of(page):
    return " ".join(" ".join(page.text).split())


def test_every_section_is_there_and_the_contents_lead_to_it(page):
    ids, links = page.values("id"), [link for link in page.values("href") if link.startswith("#")]

    assert set(SECTIONS) <= set(ids)
    assert [f"#{section}" for section in SECTIONS[1:]] == links


def test_nothing_is_fetched_from_elsewhere(html, page):
    references = page.values("src") + page.values("href") + page.values("xlink:href") + page.values("data")

    assert all(reference.startswith("#") for reference in references)
    assert not re.findall(r"url\((?!#)|@import", html)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object"}


def test_a_hostile_name_is_text_in_tables_and_charts(html, page, hostile):
    assert "<script" not in html
    assert hostile in text_of(page)
    assert any(text.startswith("<script>") and text.endswith("…") for text in page.text), "in the chart"


def test_every_id_is_there_once_though_charts_have_ids_of_their_own(page):
    ids = page.values("id")

    assert len(ids) == len(set(ids))


def test_every_chart_says_what_it_shows_to_those_who_cannot_see_it(page):
    charts = [attrs for tag, attrs in page.tags if tag == "svg"]

    assert len(charts) == 10
    assert all(chart["role"] == "img" and len(chart["aria-label"]) > 20 for chart in charts)


def test_every_candidate_appears_under_each_treatment(make_training, page):
    shown = text_of(page)

    for candidate in make_training().comparison:
        assert f"{candidate.name} " in shown
    assert shown.count("class weights") >= 5
    assert len([1 for tag, attrs in page.tags if tag == "tr" and attrs.get("class") == "chosen"]) == 1


def test_the_same_training_gives_the_same_page(make_training, html):
    assert render_report(make_training()) == html


def test_a_measure_that_is_undefined_is_a_dash(make_training, evaluate):
    never_late = evaluate(late=False)
    training = make_training(
        scores={"history": never_late}, by_split={"time": never_late}, curves=Curves(None, None, [])
    )

    shown = render_report(training)

    assert "None" not in shown
    assert ">–<" in shown
    assert "There is no ROC curve" in shown


def test_a_training_without_rolling_ablation_rates_or_omissions_says_so(make_training):
    made = make_training(rolling=(), ablation=(), rates={}, feature_auc={})
    table = msgspec.structs.replace(made.table, omitted=(), notes=())

    shown = text_of(Page(render_report(msgspec.structs.replace(made, table=table))))

    assert "No rolling evaluation was made." in shown
    assert "No ablation was made." in shown
    assert "Nothing: every row of the table is a flight" in shown


def test_of_forty_destinations_the_twenty_five_with_most_flights_are_drawn(make_training):
    many = tuple(Rate(name=f"D{place:02}", flights=1000 - place, late_rate=0.2) for place in range(40))

    html = render_report(make_training(rates={"destination": many}))

    assert ">D24<" in html
    assert ">D25<" not in html


def test_rows_left_out_are_listed_with_their_share_and_an_example(page):
    assert re.search(r"blank row 776 0.23 % row 12:", text_of(page))


def test_the_report_lands_in_a_folder_that_was_not_there(make_training, html, tmp_path):
    write_report(make_training(), tmp_path / "new" / "report.html")

    assert (tmp_path / "new" / "report.html").read_text(encoding="utf-8") == html


def test_the_verdict_counts_late_flights_of_a_hundred(make_training):
    training = make_training()
    test = training.scores["history"]

    said = " ".join(verdict(training))

    assert f"of 100 flights it calls late, {100 * test.precision.value:.0f} are" in said
    assert f"of 100 late flights, it finds {100 * test.recall.value:.0f}" in said


def test_the_verdict_names_the_failed_check_and_the_quick_preset(make_training):
    said = " ".join(verdict(make_training(preset="quick")))

    assert "failed 1 of 2 checks of the gate (5, golden feature)" in said
    assert "quick preset" in said


def test_the_verdict_says_that_a_stratified_test_flatters(make_training):
    mixed = msgspec.structs.replace(make_training().split, kind="stratified")

    assert "which flatters it" in " ".join(verdict(make_training(split=mixed)))


def test_the_leak_is_named_with_the_difference_of_the_two_splits(make_training):
    training = make_training()
    time, mixed = (training.by_split[kind].roc_auc.value for kind in ("time", "stratified"))

    said = " ".join(leak(training))

    assert f"+{np.round(mixed - time, 3):.3f}" in said
    assert "shared days" in said


def test_a_random_split_that_does_not_flatter_is_not_said_to(make_training):
    training = make_training()
    swapped = {"time": training.by_split["stratified"], "stratified": training.by_split["time"]}

    assert "does not flatter" in " ".join(leak(make_training(by_split=swapped)))


def test_one_split_alone_is_not_compared(make_training):
    only = {"time": make_training().by_split["time"]}

    assert "cannot be compared" in " ".join(leak(make_training(by_split=only)))
