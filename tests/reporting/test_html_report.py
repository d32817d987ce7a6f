"""The report can be read by people, fetches nothing, shows all that was measured, and lets no data be markup."""

import re
from html.parser import HTMLParser

import msgspec
import numpy as np
import pytest
from matplotlib.figure import Figure

from puntual.evaluation import Curves
from puntual.evaluation.curves import HISTOGRAM_BINS
from puntual.reporting.figures import _percentages, _reliability
from puntual.reporting.html_report import render_report, write_report
from puntual.reporting.narrative import leak, summarise
from puntual.reporting.training_result import Rate

SECTIONS = (
    "summary",
    "comparison",
    "splits",
    "states",
    "horizons",
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

    assert len(charts) == 11
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
    assert 'id="curves"' not in shown


def test_sections_that_have_nothing_to_show_are_left_out_and_the_rest_are_numbered_through(make_training):
    made = make_training(
        horizons=(),
        rolling=(),
        ablation=(),
        rates={},
        feature_auc={},
        by_split={"time": make_training().by_split["time"]},
    )
    table = msgspec.structs.replace(made.table, omitted=(), notes=())

    html = render_report(msgspec.structs.replace(made, table=table))
    page = Page(html)

    assert not {"splits", "horizons", "rolling", "ablation", "rates"} & set(page.values("id"))
    assert not {"#splits", "#rolling", "#ablation", "#rates"} & set(page.values("href"))
    assert re.findall(r"<h2>(\d+)\. ", html) == [str(number) for number in range(1, 8)]
    assert "Nothing: every row of the table is a flight" in text_of(page)


def test_backtests_that_were_left_out_are_told_once(make_training):
    made = make_training(
        rolling=(), ablation=(), by_split={"time": make_training().by_split["time"]}, backtests="left out"
    )

    assert text_of(Page(render_report(made))).count("--no-backtest") == 1


def test_it_says_which_experts_answer_together_and_with_what_share(make_training, page):
    mixtures = {"live_60": {"live_60": 0.5, "live": 0.5}, "live_30": {"live": 1.0}}

    shown = text_of(Page(render_report(make_training(mixtures=mixtures))))

    assert "live_60 50 % live_60; 50 % live, which is for all horizons" in shown
    assert "live_30 100 % live, which is for all horizons" in shown
    assert "answer together" not in text_of(page)


def test_the_way_from_a_simple_model_explains_itself_and_is_folded(html):
    section = html[html.index('<section id="ablation">') :]
    section = section[: section.index("</section>")]

    assert "grew out of a notebook" in section
    assert section.index("<details>") < section.index("<svg") < section.index("</details>")
    assert "<details open" not in section


def test_every_table_of_scores_says_on_which_flights(html):
    tables = re.findall(r"<table>.*?</table>", html, re.DOTALL)
    scored = [table for table in tables if "ROC AUC</th>" in table]

    assert len(scored) >= 6
    for table in scored:
        caption = re.search(r"<caption>(.*?)</caption>", table)
        assert caption and re.search(r"test|validation|cut-off", caption[1])


def test_a_group_of_fewer_than_thirty_flights_is_not_drawn(make_training):
    groups = (
        Rate(name="LAN", flights=900, late_rate=0.2),
        Rate(name="PUE", flights=30, late_rate=0.5),
        Rate(name="ONE-TIME", flights=29, late_rate=1.0),
    )

    html = render_report(make_training(rates={"airline": groups}))

    assert ">LAN<" in html and ">PUE<" in html
    assert ">ONE-TIME<" not in html


def test_where_no_group_has_thirty_flights_there_is_no_chart_of_them(make_training):
    few = (Rate(name="LAN", flights=29, late_rate=0.2),)

    assert 'id="rates"' not in render_report(make_training(rates={"airline": few}))


def test_a_tick_of_a_chart_of_rates_stands_at_the_percentage_that_it_names():
    figure = Figure()
    axes = figure.subplots()
    for most in (0.031, 0.12, 0.2, 0.37, 0.68, 1.0):
        axes.set_xlim(0, most)
        _percentages(axes.xaxis, 6)
        ticks = axes.get_xticks()
        labels = [axes.xaxis.get_major_formatter()(tick) for tick in ticks]

        assert [float(label.removesuffix(" %")) for label in labels] == pytest.approx(
            [100 * tick for tick in ticks]
        )
        assert all(len(label) <= len("12.5 %") for label in labels)


def test_the_histogram_has_bins_of_equal_width_that_hold_all_flights(make_training):
    made = make_training()
    figure = Figure()

    _reliability(made.curves.reliability, made.curves.histogram, figure)

    bars = [bar for bar in figure.axes[1].patches if bar.get_height()]
    assert len({round(bar.get_width(), 9) for bar in bars}) == 1
    assert np.diff([bar.get_x() for bar in figure.axes[1].patches]) == pytest.approx(1 / HISTOGRAM_BINS)
    assert sum(bar.get_height() for bar in bars) == 3000
    assert bars[-1].get_x() < figure.axes[1].get_xlim()[1]


def test_the_command_that_was_run_is_shown_whole(make_training):
    command = "puntual train --source table --data 'my flights.csv' --map map.toml --cost miss=5"

    shown = text_of(Page(render_report(make_training(command=command))))

    assert command in shown
    assert "puntual 0.1.0 on 2026-01-02 03:04 UTC" in shown


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


def test_the_summary_counts_late_flights_of_a_hundred(make_training):
    training = make_training()
    test = training.scores["history"]

    summary = " ".join(summarise(training))

    assert f"of 100 test flights it calls late, {100 * test.precision.value:.0f} are" in summary
    assert f"of 100 late flights, it finds {100 * test.recall.value:.0f}" in summary


def test_the_summary_names_the_failed_check_and_the_quick_preset(make_training):
    summary = " ".join(summarise(make_training(preset="quick")))

    assert "failed 1 of 2 checks of the gate (5, no golden feature)" in summary
    assert "quick preset" in summary


def test_the_summary_says_that_a_stratified_test_flatters(make_training):
    mixed = msgspec.structs.replace(make_training().split, kind="stratified")

    assert "which flatters it" in " ".join(summarise(make_training(split=mixed)))


def test_the_leak_is_named_with_the_difference_of_the_two_splits(make_training):
    training = make_training()
    time, mixed = (training.by_split[kind].roc_auc.value for kind in ("time", "stratified"))

    summary = " ".join(leak(training))

    assert f"+{np.round(mixed - time, 3):.3f}" in summary
    assert "shared days" in summary


def test_a_random_split_that_does_not_flatter_is_not_said_to(make_training):
    training = make_training()
    swapped = {"time": training.by_split["stratified"], "stratified": training.by_split["time"]}

    assert "does not flatter" in " ".join(leak(make_training(by_split=swapped)))


def test_one_split_alone_is_not_compared(make_training):
    only = {"time": make_training().by_split["time"]}

    assert "cannot be compared" in " ".join(leak(make_training(by_split=only)))
