"""The results of a stress test."""

import msgspec


class Load(msgspec.Struct, frozen=True):
    """What a load generator saw: counts of responses and faults, and how long responses took.

    `refused` were answered with another status than 2xx, `unmatched` carry no request's number, `differing` are not
    what was expected to the byte, `uninspected` of those were not kept. `latency` counts responses by microseconds.
    `came_round` requests were sent after the last of the file, and ask what was asked before. `generator_busy` is the
    share that the generator took of its processors: near 1, it and not the server was the limit.
    """

    answered: int
    refused: int
    connect: int
    read: int
    write: int
    timeout: int
    unmatched: int
    differing: int
    uninspected: int
    seconds: float
    latency: list[tuple[int, int]]
    came_round: int = 0
    generator_busy: float | None = None

    @property
    def errors(self) -> int:
        """Count what went wrong: refusals, broken connections and time-outs."""
        return self.refused + self.connect + self.read + self.write + self.timeout

    @property
    def per_second(self) -> float:
        """Responses a second."""
        return self.answered / self.seconds if self.seconds > 0 else 0.0

    def percentile_ms(self, share: float) -> float | None:
        """Give the time within which a share of the responses came, in milliseconds; None without any.

        >>> Load(3, 0, 0, 0, 0, 0, 0, 0, 0, 1.0, [(1000, 2), (5000, 1)]).percentile_ms(0.5)
        1.0
        """
        wanted, reached = share * sum(count for _, count in self.latency), 0
        for microseconds, count in sorted(self.latency):
            reached += count
            if reached >= wanted:
                return microseconds / 1000
        return None


class Usage(msgspec.Struct, frozen=True):
    """What a server took: seconds of processor, the most memory that its processes held at once, in MB."""

    cpu_seconds: float
    peak_rss_mb: float


class RivalResult(msgspec.Struct, frozen=True):
    """Another server under the same load in the same run, and how many times its rate ours is."""

    name: str
    what: str
    requests: int
    errors: int
    requests_per_second: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    latency: list[tuple[int, int]]
    ratio: float


class StressResult(msgspec.Struct, frozen=True):
    """The outcome of a stress test; `met` says whether all requests were answered, rightly and in time.

    `distinct` flights were there to ask about; they were `repeated` on purpose, or else each was asked about once, but
    for the `came_round` requests that found all of them asked about already.
    """

    requests: int
    errors: int
    wrong_answers: int
    requests_per_second: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    seconds: float
    met: bool
    asked: int
    within_seconds: float
    distinct: int
    connections: int
    workers: int | None
    generator: str
    url: str
    version: str
    usage: Usage | None
    compared: list[RivalResult]
    notes: list[str]
    latency: list[tuple[int, int]]
    repeated: bool = False
    came_round: int = 0
    generator_busy: float | None = None
