"""What the service counts: kept as plain numbers on the request path, given to Prometheus on request.

Each worker writes its numbers into a folder that the workers share, and whichever is scraped adds them up. The
numbers of a worker that has gone stay in the folder, so a counter never falls while the server runs.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import numpy as np
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

Labels = tuple[str, ...]
_PENDING = 1_024


class Described(msgspec.Struct, frozen=True):
    """A metric: what it means, its labels, and for a histogram the upper bounds of its buckets."""

    name: str
    meaning: str
    labels: Labels = ()
    bounds: tuple[float, ...] = ()
    gauge: bool = False


_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
LATENCY = Described(
    "puntual_request_seconds",
    "From the arrival of a request to its answer.",
    ("route", "status", "model"),
    _SECONDS,
)
BATCH_SIZE = Described(
    "puntual_batch_flights",
    "Flights asked of the model at once.",
    ("model",),
    tuple(2.0**power for power in range(11)),
)
LATE_PROBABILITY = Described(
    "puntual_late_probability",
    "P(late) of the answers.",
    ("model",),
    tuple(round(0.05 * step, 2) for step in range(1, 21)),
)
SHADOW_DIFFERENCE = Described(
    "puntual_shadow_difference",
    "P(late) of the shadow less that of the champion, in absolute value.",
    ("model", "shadow"),
    (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
)
REFUSED = Described("puntual_refused_total", "Requests refused, by reason.", ("reason",))
SHADOW_SKIPPED = Described("puntual_shadow_skipped_total", "Flights that the shadow was too busy to score.")
SWAPS = Described("puntual_model_swaps_total", "Changes of champion, by outcome.", ("outcome",))
WEBHOOKS = Described("puntual_webhooks_total", "Deliveries of webhooks, by outcome.", ("outcome",))
JOURNAL_WRITTEN = Described("puntual_journal_written_total", "Predictions written to the journal.")
JOURNAL_LOST = Described(
    "puntual_journal_lost_total", "Predictions that could not be written to the journal."
)
JOURNAL_REFUSED = Described(
    "puntual_journal_refused_total", "Predictions that the journal's database refused."
)
JOURNAL_FAILURES = Described(
    "puntual_journal_failures_total", "Attempts to write to the journal that failed."
)
JOURNAL_WAITING = Described(
    "puntual_journal_waiting", "Predictions that wait to be written to the journal.", gauge=True
)
EVENTS = Described("puntual_events_total", "Events sent, by outcome.", ("outcome",))
HISTORY = Described(
    "puntual_history_events", "Newest event of the journal that history has taken into account.", gauge=True
)
CHAMPION = Described(
    "puntual_champion_info", "Workers that answer with a version.", ("model", "trained_until"), gauge=True
)
WAITING = Described("puntual_waiting_flights", "Flights that wait for an answer.", gauge=True)

ALL = {
    metric.name: metric
    for metric in (
        LATENCY,
        BATCH_SIZE,
        LATE_PROBABILITY,
        SHADOW_DIFFERENCE,
        REFUSED,
        SHADOW_SKIPPED,
        SWAPS,
        WEBHOOKS,
        JOURNAL_WRITTEN,
        JOURNAL_LOST,
        JOURNAL_REFUSED,
        JOURNAL_FAILURES,
        JOURNAL_WAITING,
        EVENTS,
        HISTORY,
        CHAMPION,
        WAITING,
    )
}


class Distribution(msgspec.Struct):
    """A histogram as counts: one for each bucket and one for what lies beyond, with the sum of the values."""

    counts: list[int]
    total: float = 0.0


class Numbers(msgspec.Struct):
    """All that one worker has counted, by name and labels."""

    values: dict[tuple[str, Labels], float] = {}
    distributions: dict[tuple[str, Labels], Distribution] = {}


class Metrics(Collector):
    """The numbers of this worker, and on asking those of all workers that share a folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._numbers = Numbers()
        self._pending: dict[tuple[str, Labels], list[float]] = {}
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def count(self, metric: Described, *labels: str, by: float = 1.0) -> None:
        """Add to a counter."""
        key = (metric.name, labels)
        self._numbers.values[key] = self._numbers.values.get(key, 0.0) + by

    def set(self, metric: Described, *labels: str, value: float) -> None:
        """Set a gauge, or a counter that someone else keeps."""
        self._numbers.values[metric.name, labels] = value

    def forget(self, metric: Described) -> None:
        """Drop all values of a gauge."""
        for key in [key for key in self._numbers.values if key[0] == metric.name]:
            del self._numbers.values[key]

    def observe(self, metric: Described, *labels: str, value: float) -> None:
        """Add one value to a histogram."""
        pending = self._pending.get((metric.name, labels))
        if pending is None or len(pending) >= _PENDING - 1:
            self.observe_all(metric, *labels, values=(value,))
        else:
            pending.append(value)

    def observe_all(self, metric: Described, *labels: str, values: Iterable[float]) -> None:
        """Add values to a histogram; they are sorted into buckets later, many at once."""
        key = (metric.name, labels)
        pending = self._pending.get(key)
        if pending is None:
            pending = self._pending[key] = []
        pending.extend(values)
        if len(pending) >= _PENDING:
            self._sort_in(key)

    def exposition(self) -> bytes:
        """Write the numbers of all workers in Prometheus's text format."""
        return generate_latest(self._registry)

    def share(self) -> None:
        """Put this worker's numbers where the others find them."""
        if self._folder is None:
            return
        for key in list(self._pending):
            self._sort_in(key)
        scratch = self._folder / f".{os.getpid()}"
        scratch.write_bytes(msgspec.msgpack.encode(self._numbers))
        scratch.replace(self._folder / f"{os.getpid()}.metrics")

    def collect(self) -> Iterator[Metric]:
        """Add up the numbers of all workers (prometheus_client calls this)."""
        for key in list(self._pending):
            self._sort_in(key)
        total = self._together()
        for metric in ALL.values():
            yield _family(metric, total)

    def _together(self) -> Numbers:
        total = Numbers({}, {})
        for numbers in (self._numbers, *self._others()):
            for key, value in numbers.values.items():
                total.values[key] = total.values.get(key, 0.0) + value
            for key, added in numbers.distributions.items():
                sum_so_far = total.distributions.setdefault(key, Distribution([0] * len(added.counts)))
                sum_so_far.counts = [a + b for a, b in zip(sum_so_far.counts, added.counts, strict=True)]
                sum_so_far.total += added.total
        return total

    def _others(self) -> Iterator[Numbers]:
        if self._folder is None:
            return
        for file in self._folder.glob("*.metrics"):
            worker = int(file.stem)
            if worker == os.getpid():
                continue
            numbers = msgspec.msgpack.decode(file.read_bytes(), type=Numbers)
            if not _is_alive(worker):
                gauges = {name for name, metric in ALL.items() if metric.gauge}
                numbers.values = {key: value for key, value in numbers.values.items() if key[0] not in gauges}
            yield numbers

    def _sort_in(self, key: tuple[str, Labels]) -> None:
        values = np.array(self._pending.pop(key, ()))
        bounds = ALL[key[0]].bounds
        distribution = self._numbers.distributions.setdefault(key, Distribution([0] * (len(bounds) + 1)))
        counts = np.bincount(np.searchsorted(bounds, values), minlength=len(bounds) + 1)
        distribution.counts = [
            before + int(count) for before, count in zip(distribution.counts, counts, strict=True)
        ]
        distribution.total += float(values.sum())


def _family(metric: Described, numbers: Numbers) -> Metric:
    if metric.bounds:
        histogram = HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)
        for (name, labels), distribution in sorted(numbers.distributions.items()):
            if name == metric.name:
                histogram.add_metric(labels, _cumulated(metric, distribution), sum_value=distribution.total)
        return histogram
    family: CounterMetricFamily | GaugeMetricFamily
    kind = GaugeMetricFamily if metric.gauge else CounterMetricFamily
    family = kind(metric.name, metric.meaning, labels=metric.labels)
    values = {labels: value for (name, labels), value in numbers.values.items() if name == metric.name}
    if not metric.labels:
        values.setdefault((), 0.0)
    for labels, value in sorted(values.items()):
        family.add_metric(labels, value)
    return family


def _cumulated(metric: Described, distribution: Distribution) -> list[tuple[str, float]]:
    reached = np.cumsum(distribution.counts).tolist()
    return list(zip([*map(str, metric.bounds), "+Inf"], reached, strict=True))


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
