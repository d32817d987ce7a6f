"""What the page weighs and how soon it stands: in a real browser, by the browser's own trace.

`benchmarks/page.json` keeps every round.
"""

import json
import shutil
import statistics
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import msgspec

from benchmarks.report import Promise
from benchmarks.serving.servers import SERVER_CPU
from puntual.stress.servers import Running, free_port, started
from puntual.stress.trial import Trial, serve_command

RESULTS = Path("benchmarks/page.json")
FLIGHTS, ROUNDS, BLOCKS, BLOCK = 1_000, 7, 8, 400
# Two frames of a screen of 60 a second, in milliseconds; pixels a second, which is the whole list in about ten.
LATE_FRAME, SCROLL_SPEED = 33.4, 4_000
_ZONE = ZoneInfo("America/New_York")
_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_TRACED = ["devtools.timeline", "disabled-by-default-devtools.timeline", "blink.user_timing", "loading"]
_DESTINATIONS, _AIRLINES = ("LAX", "MIA", "BOS", "ORD", "ATL"), ("B6", "DL", "AA", "UA")
# Marks what the trace is read for: when the flights had arrived, and when the first and the last of them stood.
_MARKS = """
const parse = JSON.parse;
JSON.parse = (text, ...more) => {
  const read = parse(text, ...more);
  if (read?.flights?.length && !window.arrived) { window.arrived = true; performance.mark("puntual arrived"); }
  return read;
};
addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
  const rows = document.querySelectorAll("table.board tbody tr:not(.cut)").length;
  if (rows && !window.first) { window.first = true; performance.mark("puntual first"); }
  if (rows >= FLIGHTS && !window.last) { window.last = true; performance.mark("puntual last"); }
}).observe(document.getElementById("page"), { childList: true, subtree: true }));
"""
# Keeps how long each frame took to follow the one before.
_FRAMES = """() => {
  window.gaps = [];
  let last = performance.now();
  const take = (now) => { gaps.push(now - last); last = now; requestAnimationFrame(take); };
  requestAnimationFrame(take);
}"""


def page(folder: Path, registry: str, version: str) -> Iterator[str]:
    """Give a line for each promise of the page, and keep every round."""
    results: dict[str, Any] = {"flights": FLIGHTS}
    trial = Trial(registry=registry, bundle=version)
    with ExitStack() as stack:
        place, port = folder / "page", free_port()
        place.mkdir(parents=True)
        words = serve_command(trial, port, place)
        running = stack.enter_context(started(words, port, place / "log", ready="/readyz", cpu=SERVER_CPU))
        yield from in_browser(running.url, results)
        yield from beside(stack, folder, trial, results)
    yield from in_image(results)
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n")


def in_browser(url: str, results: dict[str, Any]) -> Iterator[str]:
    """Open the board of a busy airport again and again, each time with nothing kept."""
    httpx.put(f"{url}/timetable", json=_timetable(), timeout=60).raise_for_status()
    rounds = list(_rounds(url, ROUNDS + 1))[1:]
    results["rounds"] = rounds
    of = {name: [one[name] for one in rounds] for name in rounds[0]}
    yield Promise("the page of the board, transferred", 150, at_least=False, unit="KB").line(of["page_kb"])
    yield Promise("first useful paint", 1_000, at_least=False, unit="ms").line(of["useful_ms"])
    yield Promise(f"{FLIGHTS:,} flights rendered", 200, at_least=False, unit="ms").line(
        of["rendered_ms"], f"; {statistics.median(of['worked_ms']):.0f} ms of processor"
    )
    scrolled = f"frames over {LATE_FRAME:.0f} ms while {FLIGHTS:,} flights are scrolled through"
    yield Promise(scrolled, 5, at_least=False, unit="%").line(
        of["late_frames_percent"], f"; longest {statistics.median(of['longest_frame_ms']):.0f} ms"
    )


def _rounds(url: str, count: int) -> Iterator[dict[str, float]]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(count):
            context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
            tab = context.new_page()
            tab.add_init_script(_MARKS.replace("FLIGHTS", str(FLIGHTS)))
            sent = _transferred(context, tab)
            browser.start_tracing(page=tab, categories=_TRACED)
            tab.goto(f"{url}/?airport=JFK&state=all&hours=18")
            tab.wait_for_function("() => window.last", timeout=60_000)
            tab.wait_for_timeout(300)
            trace = json.loads(browser.stop_tracing())["traceEvents"]
            yield _read_trace(trace) | {"page_kb": sum(sent) / 1e3} | _scrolled(context, tab)
            context.close()
        browser.close()


def _transferred(context: Any, tab: Any) -> list[float]:
    """Count the bytes of all that the page loads, as they came over the wire with their headers; not its data."""
    sent: list[float] = []
    session = context.new_cdp_session(tab)
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda event: sent.append(event["encodedDataLength"]))
    return sent


def _scrolled(context: Any, tab: Any) -> dict[str, float]:
    """Turn the wheel from the first flight to the last, and give which of the frames meanwhile came late."""
    height = tab.evaluate("document.documentElement.scrollHeight - innerHeight")
    wheel = {"x": 640, "y": 600, "yDistance": -height, "speed": SCROLL_SPEED, "gestureSourceType": "mouse"}
    tab.evaluate(_FRAMES)
    context.new_cdp_session(tab).send("Input.synthesizeScrollGesture", wheel)
    gaps = tab.evaluate("gaps")
    if tab.evaluate("scrollY") < height / 2:
        raise ValueError("the wheel did not move the list")
    late = sum(gap > LATE_FRAME for gap in gaps)
    return {
        "frames": len(gaps),
        "late_frames_percent": 100 * late / len(gaps),
        "longest_frame_ms": max(gaps),
    }


def _read_trace(trace: list[dict[str, Any]]) -> dict[str, float]:
    """Read of a trace, in milliseconds, when flights stood, and how much work it was."""
    marks = {event["name"]: event for event in trace if event["name"].startswith("puntual ")}
    thread = {name: marks["puntual arrived"][name] for name in ("pid", "tid")}
    own = [event for event in trace if thread.items() <= event.items()]
    start = min(event["ts"] for event in own if event["name"] == "navigationStart")
    paints = sorted(event["ts"] + event.get("dur", 0) for event in own if event["name"] == "Paint")

    def painted(mark: str) -> float:
        return float(next(end for end in paints if end >= marks[mark]["ts"]))

    arrived, last = marks["puntual arrived"]["ts"], painted("puntual last")
    tasks = [
        event for event in own if event["name"] == "RunTask" and arrived <= event["ts"] + event.get("dur", 0)
    ]
    worked = sum(event.get("tdur", event.get("dur", 0)) for event in tasks if event["ts"] <= last)
    return {
        "useful_ms": (painted("puntual first") - start) / 1e3,
        "rendered_ms": (last - arrived) / 1e3,
        "worked_ms": worked / 1e3,
    }


def _timetable() -> list[dict[str, str]]:
    now = datetime.now(UTC) - timedelta(hours=2)
    times = [now + timedelta(seconds=48 * place) for place in range(FLIGHTS)]
    return [
        {
            "airline": _AIRLINES[place % 4],
            "flight_number": str(100 + place),
            "origin": "JFK",
            "destination": _DESTINATIONS[place % 5],
            "scheduled_departure": time.astimezone(_ZONE).replace(tzinfo=None).isoformat(timespec="minutes"),
        }
        for place, time in enumerate(times)
    ]


def beside(stack: ExitStack, folder: Path, trial: Trial, results: dict[str, Any]) -> Iterator[str]:
    """Hold a worker with the page against one without: what a prediction costs, in turns, and what each holds."""
    services = {}
    for name, module in (("with", "puntual"), ("without", "benchmarks.without_page")):
        place, port = folder / name, free_port()
        place.mkdir()
        words = serve_command(trial, port, place)
        words[words.index("puntual")] = module
        services[name] = stack.enter_context(
            started(words, port, place / "log", ready="/readyz", cpu=SERVER_CPU)
        )
    if httpx.get(services["without"].url, timeout=60).status_code != httpx.codes.NOT_FOUND:
        raise ValueError("the service that is to have no page has one")
    held = {name: max(one.rss_mb()) for name, one in services.items()}
    pairs = [(_processor(services["with"]), _processor(services["without"])) for _ in range(BLOCKS + 1)][1:]
    ratios = [mine / other for mine, other in pairs]
    results["predict"] = {"microseconds": pairs, "ratio": statistics.median(ratios)}
    results["worker_mb"] = held
    yield Promise("a prediction with the page against one without", 1.02, at_least=False, unit="times").line(
        [statistics.median(ratios)], f"; rounds {min(ratios):.3f} to {max(ratios):.3f}"
    )
    yield Promise("the page in a worker", 10, at_least=False, unit="MB").line(
        [held["with"] - held["without"]]
    )


def _processor(running: Running) -> float:
    """Give the microseconds of processor that a prediction takes of a service."""
    flight = _timetable()[-1]
    with httpx.Client(base_url=running.url, trust_env=False, timeout=60) as client:
        before = running.usage().cpu_seconds
        for _ in range(BLOCK):
            client.post("/predict", json={"flights": [flight]}).raise_for_status()
        return (running.usage().cpu_seconds - before) / BLOCK * 1e6


def in_image(results: dict[str, Any]) -> Iterator[str]:
    """Weigh the files of the page as they lie in the image."""
    root = Path(str(files("puntual.api.web")))
    weighed = [path for path in root.rglob("*") if path.is_file() and "swagger-ui" not in path.parts]
    size = sum(path.stat().st_size for path in weighed) / 1e6
    results["image_mb"] = size
    yield Promise("the page in the image", 1, at_least=False, unit="MB").line([size])
