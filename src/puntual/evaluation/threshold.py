"""The P(late) from which a flight is labelled late, chosen by a stated cost."""

import math
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from puntual.errors import CostError, NotEnoughFlightsError, did_you_mean
from puntual.evaluation.ranking import sort_with_ties


class Cost(msgspec.Struct, frozen=True):
    """What a false alarm and a missed late flight cost, in the same unit; only their ratio matters."""

    false_alarm: float = 1.0
    miss: float = 1.0


def best_threshold(
    late: NDArray[np.bool_], p_late: NDArray[np.floating], cost: Cost | Literal["f1"] = "f1"
) -> float:
    """Choose the threshold with the highest F1 of "late", or with the least cost, on these flights.

    It lies midway between two probabilities, so that rounding them changes no label; among equals the highest
    wins.

    >>> best_threshold(np.array([False, True, True]), np.array([0.1, 0.3, 0.5])).__round__(3)
    0.2
    """
    if not late.any():
        raise NotEnoughFlightsError(
            f"0 of {len(late)} flights are late; a threshold needs at least one: choose it on more flights"
        )
    order, starts = sort_with_ties(p_late)
    labelled = np.append(starts, len(late))
    hits = np.concatenate([[0], late[order].cumsum()])[labelled]
    gains = _gains(labelled, hits, cost)
    return _between(p_late[order][starts].astype(np.float64), int(np.argmax(gains)))


def parse_cost(text: str) -> Cost | Literal["f1"]:
    """Read a cost from text: "f1", or "miss=5,false_alarm=1" with either part optional.

    >>> parse_cost("miss=5")
    Cost(false_alarm=1.0, miss=5.0)
    """
    if text.strip().casefold() == "f1":
        return "f1"
    parts = [part.partition("=") for part in text.split(",")]
    names = [name.strip() for name, _, _ in parts]
    if len(set(names)) < len(names):
        raise _bad_cost(text, "a part is given twice")
    amounts = {name: _amount(text, name, amount) for name, (_, _, amount) in zip(names, parts, strict=True)}
    return Cost(**amounts)


def _gains(
    labelled: NDArray[np.intp], hits: NDArray[np.intp], cost: Cost | Literal["f1"]
) -> NDArray[np.float64]:
    late = hits[-1]
    if cost == "f1":
        return np.asarray(2 * hits / (labelled + late), dtype=np.float64)
    spared: NDArray[np.float64] = -(cost.false_alarm * (labelled - hits) + cost.miss * (late - hits))
    return spared


def _between(scores: NDArray[np.float64], labelled: int) -> float:
    """Give a threshold that labels the `labelled` highest of the distinct, falling scores and no other."""
    if labelled == 0:
        return float(np.nextafter(max(1.0, scores[0]), np.inf))
    lowest = float(scores[labelled - 1])
    next_lower = float(scores[labelled]) if labelled < len(scores) else 0.0
    middle = (lowest + next_lower) / 2
    return middle if middle > next_lower else lowest


def _amount(text: str, name: str, amount: str) -> float:
    if name not in Cost.__struct_fields__:
        raise _bad_cost(text, f"{name!r} is no part of a cost{did_you_mean(name, Cost.__struct_fields__)}")
    try:
        number = float(amount)
    except ValueError:
        raise _bad_cost(text, f"{name} is {amount!r}, not a number") from None
    if not (math.isfinite(number) and number > 0):
        raise _bad_cost(text, f"{name} is {amount}, not a number above zero")
    return number


def _bad_cost(text: str, why: str) -> CostError:
    return CostError(f"cost {text!r}: {why}; write 'f1' or, for example, 'miss=5,false_alarm=1'")
