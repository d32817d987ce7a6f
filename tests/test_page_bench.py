"""The bench of the page: how it reads a browser's trace, and what it weighs."""

from typing import Any

from benchmarks import page

OWN, OTHER = {"pid": 1, "tid": 2}, {"pid": 1, "tid": 3}


def event(name: str, microseconds: int, lasting: int = 0, thread: dict[str, int] = OWN) -> dict[str, Any]:
    return {"name": name, "ts": microseconds, "dur": lasting, "tdur": lasting // 2, **thread}


def test_flights_are_rendered_once_the_last_of_them_is_painted() -> None:
    trace = [
        event("navigationStart", 1_000),
        event("puntual arrived", 101_000),
        event("RunTask", 100_000, 30_000),
        event("puntual first", 121_000),
        event("Paint", 125_000, 5_000),
        event("RunTask", 140_000, 50_000),
        event("puntual last", 180_000),
        event("Paint", 150_000, 40_000, thread=OTHER),
        event("Paint", 195_000, 6_000),
        event("RunTask", 300_000, 90_000),
    ]
    assert page._read_trace(trace) == {"useful_ms": 129.0, "rendered_ms": 100.0, "worked_ms": 40.0}


def test_the_board_of_the_bench_is_as_large_as_it_says() -> None:
    flights = page._timetable()
    assert len({flight["flight_number"] for flight in flights}) == page.FLIGHTS
    days = sorted(flight["scheduled_departure"] for flight in flights)
    assert days[0][:10] <= days[-1][:10]


def test_the_page_is_a_small_part_of_the_image() -> None:
    results: dict[str, Any] = {}
    (line,) = page.in_image(results)
    assert line.startswith("holds")
    assert 0.05 < results["image_mb"] < 1
