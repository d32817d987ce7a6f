"""A day that was played: the scores at each horizon, and flights with what was predicted and what happened."""

from typing import Any

from puntual.cli.output.console import output_console, print_json, table_of
from puntual.cli.output.score_tables import HORIZON_TITLES, value_of
from puntual.operations.replay import Replayed
from puntual.reporting.wording import percent

_SCORES = ("roc_auc", "average_precision", "log_loss", "ece")
_NAMES = ("airline", "flight_number", "origin", "destination")
# Of a long day so many flights are shown, evenly spread; JSON holds all.
_SHOWN = 24


def print_replayed(result: Replayed) -> None:
    """Print the scores at each horizon and some of the flights."""
    output = output_console()
    played, horizons = result.played, list(result.predictions)
    late = percent(float(played.outcomes.late.mean()))
    titles = [HORIZON_TITLES.get(name, f"{name} min") for name in horizons]
    table = table_of(f"{played.day}: {len(played.outcomes):,} flights, {late} late", "at", *titles)
    for measure in _SCORES:
        scores = result.scores.values()
        values = ("-" if one is None else value_of(getattr(one, measure)) for one in scores)
        table.add_row(measure.replace("_", " "), *values)
    table.add_row("flights", *(f"{len(answers):,}" for answers in result.predictions.values()))
    table.add_row("of them live", *(f"{_live(result, name):,}" for name in horizons))
    output.print(table)
    flights = table_of("P(late) as it stood, and what happened", "flight", *titles, "late", "minutes")
    step = max(1, len(played.flights) // _SHOWN)
    for row in range(0, len(played.flights), step):
        flight = played.flights.row(row, named=True)
        name = "{scheduled_departure:%H:%M} {airline} {flight_number} {origin}-{destination}".format(**flight)
        stood = (_percent(result, horizon, row) for horizon in horizons)
        flights.add_row(name, *stood, "late" if played.outcomes.late[row] else "", _happened(result, row))
    output.print(flights)


def print_replayed_json(result: Replayed) -> None:
    """Print all of it as one JSON object."""
    played = result.played
    horizons = {
        name: {
            "flights": len(answers),
            "gone": len(played.outcomes) - len(answers),
            "live": _live(result, name),
            **{measure: _value(result, name, measure) for measure in _SCORES},
        }
        for name, answers in result.predictions.items()
    }
    print_json(
        {"day": played.day, "model": result.model, "horizons": horizons},
        flights=[_flight(result, row) for row in range(len(played.flights))],
        events={"sent": len(played.events), "refused": result.refused},
        left_out=played.silent,
    )


def _flight(result: Replayed, row: int) -> dict[str, Any]:
    flight = result.played.flights.row(row, named=True)
    outcomes = result.played.outcomes
    delay = float(outcomes.delay[row])
    return {
        **{name: flight[name] for name in _NAMES},
        "scheduled_departure": flight["scheduled_departure"].isoformat(timespec="minutes"),
        "late": bool(outcomes.late[row]),
        "cancelled": bool(flight["cancelled"]),
        "delay_minutes": delay if delay == delay else None,
        "predictions": {
            name: {
                "late_probability": answers[row].late_probability,
                "expected_delay_minutes": answers[row].expected_delay_minutes,
                "p50": answers[row].delay_quantiles.p50,
                "state": answers[row].state,
            }
            for name, answers in result.predictions.items()
            if row in answers
        },
    }


def _live(result: Replayed, horizon: str) -> int:
    return sum(answer.state == "live" for answer in result.predictions[horizon].values())


def _value(result: Replayed, horizon: str, measure: str) -> float | None:
    scores = result.scores[horizon]
    value = None if scores is None else getattr(scores, measure)
    return None if value is None else float(value.value)


def _percent(result: Replayed, horizon: str, row: int) -> str:
    answer = result.predictions[horizon].get(row)
    return "gone" if answer is None else percent(answer.late_probability)


def _happened(result: Replayed, row: int) -> str:
    delay = float(result.played.outcomes.delay[row])
    return f"{delay:.0f}" if delay == delay else "cancelled"
