"""A service is proved by good answers alone."""

import msgspec
import pytest

from deploy.pipeline.errors import DeployError
from deploy.pipeline.poller import Poller
from deploy.pipeline.smoke_test import SmokeTest
from deploy.rehearsal.served import free_port, served

VERSION = "1" * 16
PREDICTED = {
    "late_probability": 0.2,
    "late": False,
    "threshold": 0.3,
    "bands": {"0-15": 0.8, "15-30": 0.1, "30-60": 0.05, "60-120": 0.03, "120+": 0.02},
    "expected_delay_minutes": 9.0,
    "delay_quantiles": {"p50": 1.0, "p80": 14.0, "p95": 50.0},
    "horizon_minutes": 120,
    "timetable": "typical",
    "history_until": None,
    "support": {"airline": 0, "route": 0, "flight": 0},
    "warnings": [],
    "state": "history",
}
MODEL = {"version": VERSION, "trained_until": "2023-04-22", "threshold_rule": "balanced"}


class Answers:
    """Gives answers in turn, the last one for ever."""

    def __init__(self, *answers: tuple[int, object]) -> None:
        self.answers, self.keys = list(answers), []

    async def __call__(self, scope, _receive, send):
        if scope["type"] != "http":
            return
        self.keys.append(dict(scope["headers"]).get(b"x-api-key"))
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send(
            {
                "type": "http.response.body",
                "body": body if isinstance(body, bytes) else msgspec.json.encode(body),
            }
        )


GOOD = (200, {"model": MODEL, "predictions": [PREDICTED]})


def run(answers: Answers, key: str | None = None) -> None:
    with served(answers) as url:
        SmokeTest(url, key, Poller(seconds=2, every=0), answers=3).run(VERSION)


def test_good_answers_in_a_row_pass():
    answers = Answers(GOOD)
    run(answers, key="puntual_abc")
    assert answers.keys == [b"puntual_abc"] * 3


def test_a_bad_answer_in_between_begins_the_row_again():
    answers = Answers(GOOD, GOOD, (503, b"busy"), GOOD)
    run(answers)
    assert len(answers.keys) == 6


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((500, b"no model"), "it answered 500: no model"),
        ((200, b"<html>"), "its answer is no prediction"),
        ((200, {"model": MODEL, "predictions": []}), "it answered for 0 flights, asked about 1"),
        (
            (200, {"model": MODEL | {"version": "2" * 16}, "predictions": [PREDICTED]}),
            "it answers with model 2222222222222222, expected 1111111111111111",
        ),
        (
            (
                200,
                {"model": MODEL, "predictions": [PREDICTED | {"bands": PREDICTED["bands"] | {"120+": 0.5}}]},
            ),
            "its probabilities make no sense",
        ),
        ((401, b""), "set PUNTUAL_API_KEY to one of its keys"),
    ],
)
def test_answers_that_are_not_good_fail(answer, message):
    with pytest.raises(DeployError, match=message):
        run(Answers(answer))


def test_a_service_that_does_not_answer_is_told():
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(DeployError, match="it does not answer"):
        SmokeTest(url, None, Poller(seconds=0.3, every=0.1)).run(VERSION)


def test_an_address_that_is_none_is_told():
    with pytest.raises(DeployError, match="no address of a service"):
        SmokeTest("puntual.example.org", None, Poller(seconds=0, every=0)).run(VERSION)
