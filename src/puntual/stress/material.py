"""The requests of a stress test and the answers that they should get, worked out by the predictor beforehand."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec
import polars as pl

from puntual.api.predict.contract import PredictAnswer
from puntual.api.predict.response import Answered, head_of, rows_of
from puntual.features.vector import Matrix
from puntual.prediction.predictor import Predictor
from puntual.stress.flights import FlightPool

REQUESTS, ANSWERS = "requests.txt", "answers.txt"
# Each flight is seen from so long before it leaves, on its own day.
_HORIZON_MINUTES = 120
_BLOCK = 20_000
_ANSWER = msgspec.json.Decoder(PredictAnswer)
Difference = tuple[int, int, bytes]


@dataclass(frozen=True)
class Material:
    """Requests about one flight each, all different, and the answers, in a folder for a load generator.

    Line n of `requests.txt` is answered by line n of `answers.txt`. `repeated` says that the same are sent again and
    again on purpose.
    """

    folder: Path
    flights: pl.DataFrame
    repeated: bool = False

    @property
    def distinct(self) -> int:
        """How many different flights the requests are about."""
        return self.flights.height

    def first(self, count: int) -> list[tuple[bytes, bytes]]:
        """Give the first requests with their answers."""
        with (self.folder / REQUESTS).open("rb") as requests, (self.folder / ANSWERS).open("rb") as answers:
            return [
                (body.rstrip(), answer.rstrip())
                for body, answer in islice(zip(requests, answers, strict=True), count)
            ]

    def wrong(self, differences: Iterable[Difference]) -> int:
        """Count the answers that are not the predictor's, of those that differ: times, number (from 1), body."""
        by_number: defaultdict[int, list[tuple[int, bytes]]] = defaultdict(list)
        for times, number, body in differences:
            by_number[number].append((times, body))
        wrong = 0
        with (self.folder / ANSWERS).open("rb") as answers:
            for number, answer in enumerate(answers if by_number else (), 1):
                wrong += sum(
                    times for times, body in by_number.pop(number, ()) if not is_same_answer(body, answer)
                )
        return wrong + sum(times for answered in by_number.values() for times, _ in answered)


def is_same_answer(body: bytes, expected: bytes) -> bool:
    """Tell whether a body holds the numbers that are expected, to the bit; how they are spelt does not matter."""
    try:
        return _ANSWER.decode(body) == _ANSWER.decode(expected)
    except msgspec.DecodeError:
        return False


def write_material(
    predictor: Predictor, flights: pl.DataFrame, folder: Path, *, repeated: bool = False
) -> Material:
    """Ask about flights (`KEY`, `time_zone`), each as seen from two hours before, and write down the answers."""
    write_requests(flights, folder)
    with (folder / ANSWERS).open("wb") as file:
        for block in flights.iter_slices(_BLOCK):
            file.writelines(_answers(predictor, block))
    return Material(folder, flights, repeated)


def write_requests(flights: pl.DataFrame, folder: Path) -> None:
    """Write a request for each flight, a line each, with a cut-off that stays within the flight's day."""
    departure = pl.col("scheduled_departure")
    minutes = pl.min_horizontal(pl.lit(_HORIZON_MINUTES), _minute_of_day())
    flights.select(
        flights=pl.concat_list(_flight()),
        as_of=(departure - pl.duration(minutes=minutes)).dt.strftime("%Y-%m-%dT%H:%M"),
    ).write_ndjson(folder / REQUESTS)


def write_many_at_once(flights: pl.DataFrame, size: int, folder: Path) -> None:
    """Write requests of `size` flights each, in their order, without a cut-off of their own."""
    whole = flights.head(flights.height // size * size).with_row_index("place")
    whole.group_by(pl.col("place") // size, maintain_order=True).agg(flights=_flight()).select(
        "flights"
    ).write_ndjson(folder / REQUESTS)


def flights_never_asked(
    predictor: Predictor, pool: FlightPool, first: int, count: int, folder: Path
) -> Material:
    """Write requests about flights of a pool from place `first` on."""
    folder.mkdir(parents=True, exist_ok=True)
    return write_material(predictor, pool.take(first, count), folder)


def vectors_of(predictor: Predictor, material: Material) -> Matrix:
    """Give the vectors that the answers were made from, shape (n, columns)."""
    return predictor.vectors_of(material.flights, timetable_of=material.flights.clear())


def _answers(predictor: Predictor, flights: pl.DataFrame) -> Iterator[bytes]:
    predictions = predictor.predict(flights, timetable_of=flights.clear())
    # Clocks do not change on these days, so that minutes on the clock are minutes.
    horizons = flights.select(minute=_minute_of_day())["minute"].clip(upper_bound=_HORIZON_MINUTES)
    head = head_of(predictor.bundle)
    for row in rows_of(predictions, predictor.bundle.manifest.threshold, horizons.to_list()):
        yield Answered(head, (), (), [row], "").write() + b"\n"


def _minute_of_day() -> pl.Expr:
    departure = pl.col("scheduled_departure")
    return departure.dt.hour().cast(pl.Int64) * 60 + departure.dt.minute().cast(pl.Int64)


def _flight() -> pl.Expr:
    words = ("origin", "destination", "scheduled_departure", "airline", "flight_number")
    departure = pl.col("scheduled_departure").dt.strftime("%Y-%m-%dT%H:%M")
    return pl.struct(*(departure if word == "scheduled_departure" else word for word in words))
