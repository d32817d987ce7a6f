"""The requests of a stress test differ, and their answers are known beforehand."""

from datetime import datetime

import msgspec
import polars as pl
import pytest

from puntual import Predictor
from puntual.errors import TableError
from puntual.stress.material import Material, flights_for, make_material, many_at_once


def test_every_request_asks_about_another_flight(material: Material) -> None:
    assert len(material.bodies) == 200
    assert len(set(material.bodies)) == 200
    assert all(len(msgspec.json.decode(body)["flights"]) == 1 for body in material.bodies)


def test_the_same_flights_always_make_the_same_requests(
    material: Material, predictor: Predictor, made_flights: pl.DataFrame
) -> None:
    assert make_material(predictor, made_flights, 200).bodies == material.bodies


def test_the_cut_off_is_two_hours_before_and_on_the_same_day(material: Material) -> None:
    for body in material.bodies:
        asked = msgspec.json.decode(body)
        departure = datetime.fromisoformat(asked["flights"][0]["scheduled_departure"])
        as_of = datetime.fromisoformat(asked["as_of"])
        assert as_of.date() == departure.date()
        assert (departure - as_of).total_seconds() == min(7200, departure.hour * 3600 + departure.minute * 60)


def test_another_spelling_of_the_same_numbers_is_right_and_another_number_is_wrong(
    material: Material,
) -> None:
    body = material.answers[6]
    assert material.is_right(7, body)
    assert material.is_right(7, msgspec.json.format(body, indent=2))
    assert not material.is_right(8, body)
    said = msgspec.json.decode(body)
    said["predictions"][0]["late_probability"] += 1e-15
    assert not material.is_right(7, msgspec.json.encode(said))


@pytest.mark.parametrize("body", [b"", b"{}", b"[1", b'{"predictions": []}', b"\xff"])
def test_what_is_no_answer_is_wrong(material: Material, body: bytes) -> None:
    assert not material.is_right(1, body)


def test_a_request_that_was_never_made_has_no_right_answer(material: Material) -> None:
    assert not material.is_right(0, material.answers[-1])
    assert not material.is_right(201, material.answers[0])


def test_flights_are_put_together_without_losing_their_order(material: Material) -> None:
    together = [msgspec.json.decode(body)["flights"] for body in many_at_once(material, 50)]
    assert [len(flights) for flights in together] == [50] * 4
    alone = [msgspec.json.decode(body)["flights"][0] for body in material.bodies]
    assert [flight for flights in together for flight in flights] == alone


def test_flights_beyond_what_the_bundle_knows_cannot_be_asked_about(
    predictor: Predictor, made_flights: pl.DataFrame
) -> None:
    later = made_flights.with_columns(pl.col("scheduled_departure").dt.offset_by("2y"))
    with pytest.raises(TableError, match=r"no flight leaves by 2023-04-21.*--flights"):
        make_material(predictor, later, 10)


def test_a_bundle_that_learnt_from_a_table_of_ones_own_asks_for_flights(predictor: Predictor) -> None:
    assert predictor.bundle.manifest.source == "table"
    with pytest.raises(TableError, match=r"learnt from the source 'table'.*--flights FILE"):
        flights_for(predictor, None)
