"""The requests of a stress test differ, and their answers are known beforehand."""

from datetime import datetime
from pathlib import Path

import msgspec
import polars as pl
import pytest

from puntual import Predictor
from puntual.api.predict.contract import PredictRequest
from puntual.stress.flights import pool_of
from puntual.stress.material import (
    REQUESTS,
    Material,
    flights_never_asked,
    is_same_answer,
    write_many_at_once,
)


@pytest.fixture
def bodies(material: Material) -> list[bytes]:
    return [body for body, _ in material.first(1_000)]


def test_every_request_is_about_another_flight(bodies: list[bytes]) -> None:
    assert len(bodies) == 200 == len(set(bodies))
    assert all(len(msgspec.json.decode(body, type=PredictRequest).flights) == 1 for body in bodies)


def test_the_cut_off_is_two_hours_before_and_on_the_same_day(bodies: list[bytes]) -> None:
    for body in bodies:
        request = msgspec.json.decode(body)
        departure = datetime.fromisoformat(request["flights"][0]["scheduled_departure"])
        as_of = datetime.fromisoformat(request["as_of"])
        assert as_of.date() == departure.date()
        assert (departure - as_of).total_seconds() == min(7200, departure.hour * 3600 + departure.minute * 60)


def test_what_is_expected_is_what_the_predictor_says_of_that_flight(
    predictor: Predictor, made_flights: pl.DataFrame, tmp_path: Path
) -> None:
    material = flights_never_asked(
        predictor, pool_of(predictor, made_flights, 50), 20, 30, tmp_path / "requests"
    )
    assert material.distinct == 30
    for row, (body, answer) in enumerate(material.first(30)):
        alone = material.flights[row]
        (flight,) = msgspec.json.decode(body)["flights"]
        assert flight["flight_number"] == alone["flight_number"][0]
        said = msgspec.json.decode(answer)["predictions"][0]
        prediction = predictor.predict(alone, timetable_of=alone.clear())
        assert said["late_probability"] == prediction.late_probability[0]
        assert [*said["bands"].values()] == prediction.bands[0].tolist()


def test_another_spelling_of_the_same_numbers_is_right_and_another_number_is_wrong(
    material: Material,
) -> None:
    answers = [answer for _, answer in material.first(8)]
    body = answers[6]
    assert is_same_answer(msgspec.json.format(body, indent=2), body)
    changed = msgspec.json.decode(body)
    changed["predictions"][0]["late_probability"] += 1e-15
    wrong = msgspec.json.encode(changed)
    assert not is_same_answer(wrong, body)
    assert material.wrong([(3, 7, body), (2, 8, body), (5, 7, wrong)]) == 7


@pytest.mark.parametrize("body", [b"", b"{}", b"[1", b'{"predictions": []}', b"\xff"])
def test_what_is_no_answer_is_wrong(material: Material, body: bytes) -> None:
    assert material.wrong([(1, 1, body)]) == 1


def test_a_request_that_was_never_made_has_no_right_answer(material: Material) -> None:
    answer = material.first(1)[0][1]
    assert material.wrong([(1, 0, answer), (1, 201, answer)]) == 2


def test_flights_are_put_together_without_losing_their_order(
    material: Material, bodies: list[bytes], tmp_path: Path
) -> None:
    write_many_at_once(material.flights, 50, tmp_path)
    lines = (tmp_path / REQUESTS).read_bytes().splitlines()
    together = [msgspec.json.decode(line)["flights"] for line in lines]
    assert [len(flights) for flights in together] == [50] * 4
    alone = [msgspec.json.decode(body)["flights"][0] for body in bodies]
    assert [flight for flights in together for flight in flights] == alone
