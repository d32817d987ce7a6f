"""Plays a day: tells a service the events as they became known, and asks it about each flight at each horizon."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np

from puntual.errors import ReplayError
from puntual.evaluation import Evaluation, Predicted, score
from puntual.operations.replay.played_day import DAY, HORIZONS, PlayedDay, Question
from puntual.operations.replay.service import ReplayedPrediction, ReplayService, ServedModel

# Fewer say nothing of a model.
FEWEST = 30
# Minutes of events that are told at once where nobody looks on: a question names its cut-off, and what came after it
# does not count.
_AT_ONCE = 60
_MOST_FLIGHTS = 500
Progress = Callable[[str, int, int], object]


@dataclass(frozen=True)
class Replayed:
    """What a day's flights were predicted at each horizon, by row, and how good that was where there were enough."""

    played: PlayedDay
    model: ServedModel
    predictions: dict[str, dict[int, ReplayedPrediction]]
    scores: dict[str, Evaluation | None]
    refused: int


class _Pace:
    """Waits so that the day goes by at so many times its speed; without one nothing is waited for."""

    def __init__(self, speed: float | None, begins: int) -> None:
        self._speed, self._begins, self._started = speed, begins, time.monotonic()

    def wait_for(self, minute: int) -> None:
        """Wait until a minute of the day has come."""
        if self._speed is not None:
            due = self._started + (minute - self._begins) * 60 / self._speed
            time.sleep(max(0.0, due - time.monotonic()))


def require_unseen(model: ServedModel, day: date) -> None:
    """Raise ReplayError where a model has learnt from a day."""
    if day <= model.trained_until:
        raise ReplayError(
            f"model {model.version} was trained until {model.trained_until}, so that it knows {day}; expected one "
            f"trained before: `puntual train … --until {day}`, and name it with --bundle; or give --seen, and its "
            "scores flatter it"
        )


def replay(
    played: PlayedDay,
    service: ReplayService,
    model: ServedModel,
    progress: Progress,
    speed: float | None = None,
) -> Replayed:
    """Play a day to a service; with `speed`, so many times as fast as it went by.

    The events are told as they became known, those of the days before at once. Raise NoAnswerError where the service
    does not take them, and ReplayError where it knows what became of the day.
    """
    service.put_timetable(played.timetable)
    service.begin()
    pace = _Pace(speed, int(played.midnight.min()))
    questions = played.questions()
    midnights = sorted({question.minute for question in questions if question.horizon == DAY})
    predictions: dict[str, dict[int, ReplayedPrediction]] = {horizon: {} for horizon in HORIZONS}
    reached, posted, refused = -1, 0, 0
    for done, question in enumerate(questions):
        progress("questions", done, len(questions))
        pace.wait_for(question.minute)
        if question.minute > reached:
            reached = post_until(question.minute, speed, midnights)
            end = int(np.searchsorted(played.posted_at, reached, side="right"))
            refused += service.post_events(played.events[posted:end])
            posted = end
        # By now the days before are over, and history goes on from them.
        if done == 0 or question.horizon == DAY:
            service.wait_for_history()
        predictions[question.horizon] |= _answers(service, played, question)
    scores = {horizon: _score(played, model, answers) for horizon, answers in predictions.items()}
    return Replayed(played, model, predictions, scores, refused)


def post_until(minute: int, speed: float | None, midnights: list[int]) -> int:
    """Give the minute up to which events are told before a question: its own, or that of those which follow.

    Not beyond a midnight, at which is asked what was known without any news of the day.
    """
    if speed is not None:
        return minute
    return min([minute + _AT_ONCE, *(one for one in midnights if one >= minute)])


def _answers(service: ReplayService, played: PlayedDay, question: Question) -> dict[int, ReplayedPrediction]:
    answers: dict[int, ReplayedPrediction] = {}
    for start in range(0, len(question.rows), _MOST_FLIGHTS):
        rows = question.rows[start : start + _MOST_FLIGHTS]
        answered = service.predict(played.requests(rows), question.as_of)
        answers |= dict(zip(rows.tolist(), answered, strict=True))
    if question.horizon == DAY and any(answer.status for answer in answers.values()):
        raise ReplayError(
            f"{service.url} knows what became of flights of {played.day} before it is told; expected a service that "
            "knows no news of that day; start another with a state folder of its own (--state), or leave out --url"
        )
    return answers


def _score(
    played: PlayedDay, model: ServedModel, answers: dict[int, ReplayedPrediction]
) -> Evaluation | None:
    chosen = np.zeros(len(played.outcomes), bool)
    chosen[list(answers)] = True
    outcomes = played.outcomes.only(chosen)
    if len(outcomes) < FEWEST or outcomes.late.all() or not outcomes.late.any():
        return None
    rows = [answers[row] for row in sorted(answers)]
    bands = np.array([list(row.bands.values()) for row in rows])
    quantiles = [(row.delay_quantiles.p50, row.delay_quantiles.p80, row.delay_quantiles.p95) for row in rows]
    # The days of a bootstrap are but one here, so there are no intervals.
    return score(outcomes, Predicted(bands, np.array(quantiles)), model.threshold, rounds=1)
