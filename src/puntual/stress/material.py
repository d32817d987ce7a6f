"""The requests of a stress test and the answers that they should get, worked out by the predictor beforehand."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import polars as pl

from puntual.api.predict.contract import PredictAnswer, PredictRequest, ScheduledFlight
from puntual.api.predict.response import head_of, rows_of, written
from puntual.errors import TableError
from puntual.features.flight_keys import NAMED
from puntual.features.vector import Matrix
from puntual.prediction.predictor import Predictor
from puntual.prediction.table_io import read_table
from puntual.sources import SOURCES, read_flights

REQUESTS, ANSWERS = "requests.txt", "answers.txt"
_HORIZON = timedelta(hours=2)
KEY = [*NAMED, "scheduled_departure"]
_ANSWER = msgspec.json.Decoder(PredictAnswer)


@dataclass(frozen=True)
class Material:
    """n requests about one flight each, all different, and the body that answers each."""

    flights: pl.DataFrame
    bodies: list[bytes]
    answers: list[bytes]

    def write(self, folder: Path, *, answers: bool = True) -> None:
        """Write `requests.txt` and `answers.txt` for a load generator, a line a request."""
        (folder / REQUESTS).write_bytes(b"\n".join(self.bodies) + b"\n")
        if answers:
            (folder / ANSWERS).write_bytes(b"\n".join(self.answers) + b"\n")

    def is_right(self, number: int, body: bytes) -> bool:
        """Tell whether a body answers request `number` (from 1) with the predictor's numbers, to the bit."""
        if not 1 <= number <= len(self.answers):
            return False
        try:
            return _ANSWER.decode(body) == _ANSWER.decode(self.answers[number - 1])
        except msgspec.DecodeError:
            return False


def flights_for(predictor: Predictor, file: Path | None) -> pl.DataFrame:
    """Read flights to ask about: those of a file, or of the table that the bundle learnt from.

    Raise TableError when there is neither.
    """
    manifest = predictor.bundle.manifest
    if file is not None:
        return read_table(
            str(file), "", None, None, manifest.late_rule, time_zones=predictor.unlisted
        ).flights
    source = SOURCES.get(manifest.source)
    if source is None or not source.is_present():
        raise TableError(
            f"bundle {predictor.bundle.version} learnt from the source {manifest.source!r}, whose table is not here; "
            "name flights to ask about with --flights FILE (airline, flight_number, origin, destination, "
            "scheduled_departure)"
        )
    return read_flights(manifest.source).flights


def make_material(predictor: Predictor, flights: pl.DataFrame, distinct: int) -> Material:
    """Ask about the latest flights, as seen from two hours before each; at most `distinct`, each once."""
    chosen = (
        flights.unique(KEY, keep="first", maintain_order=True)
        .filter(pl.col("scheduled_departure").dt.date() <= predictor.bundle.manifest.history_until)
        .sort("scheduled_departure", maintain_order=True)
        .tail(distinct)
    )
    if chosen.is_empty():
        raise TableError(
            f"no flight leaves by {predictor.bundle.manifest.history_until}, the last day that the bundle knows; "
            "name earlier flights with --flights FILE"
        )
    # Shuffled, so that flights asked about at the same moment have little in common; always alike.
    chosen = chosen.sample(fraction=1.0, shuffle=True, seed=0)
    predictions = predictor.predict(chosen, timetable_of=chosen.clear())
    requests, horizons = zip(*_requests_about(chosen), strict=True)
    rows = rows_of(predictions, predictor.bundle.manifest.threshold, horizons)
    head = head_of(predictor.bundle)
    answers = [written(head, [row]) for row in rows]
    return Material(chosen, [msgspec.json.encode(request) for request in requests], answers)


def many_at_once(material: Material, size: int) -> list[bytes]:
    """Put the flights of a material into requests of `size` flights, without a cut-off of their own."""
    flights = [request.flights[0] for request, _ in _requests_about(material.flights)]
    return [
        msgspec.json.encode(PredictRequest(flights[start : start + size]))
        for start in range(0, len(flights) - size + 1, size)
    ]


def vectors_of(predictor: Predictor, material: Material) -> Matrix:
    """Give the vectors that the answers were made from, shape (n, columns)."""
    return predictor.vectors_of(material.flights, timetable_of=material.flights.clear())


def _requests_about(flights: pl.DataFrame) -> Iterator[tuple[PredictRequest, int]]:
    """Give each flight's request and horizon in minutes; the cut-off stays within the flight's day."""
    for row in flights.select(*KEY, "time_zone").iter_rows(named=True):
        zone = ZoneInfo(row.pop("time_zone"))
        departure: datetime = row.pop("scheduled_departure")
        as_of = max(departure - _HORIZON, departure.replace(hour=0, minute=0))
        flight = ScheduledFlight(**row, scheduled_departure=departure.isoformat(timespec="minutes"))
        request = PredictRequest([flight], as_of.isoformat(timespec="minutes"))
        # Real minutes, which the clocks of one zone do not give across their own change.
        end, start = (moment.replace(tzinfo=zone).astimezone(UTC) for moment in (departure, as_of))
        yield request, (end - start) // timedelta(minutes=1)
