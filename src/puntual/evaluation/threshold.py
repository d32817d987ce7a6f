"""The P(late) from which a flight is labelled late, chosen by a stated rule."""

import math
from collections.abc import Mapping
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


class Precision(msgspec.Struct, frozen=True):
    """The share of flights called late that must be late, of which as many as possible are to be called so."""

    precision: float


class Capacity(msgspec.Struct, frozen=True):
    """The share of all flights that can be called late, because no more of them can be dealt with."""

    capacity: float


Rule = Cost | Precision | Capacity | Literal["balanced", "f1"]
BALANCED: Literal["balanced"] = "balanced"
WORDS = {
    "balanced": "as many flights are called late as were late, so that precision and recall are about equal",
    "f1": "the highest F1 of late",
    "precision": "the most late flights, where at least that share of the flights called late were late",
    "capacity": "the most flights, but no more than that share of all",
    "miss": "the least cost",
    "false_alarm": "the least cost",
}
_WAYS = "write balanced, f1, precision=0.4, capacity=10% or, for example, miss=5,false_alarm=1"


def best_threshold(late: NDArray[np.bool_], p_late: NDArray[np.floating], rule: Rule = BALANCED) -> float:
    """Choose the threshold that serves a rule best on these flights.

    It lies midway between two probabilities, so that rounding them changes no label; among equals the highest
    wins. Where no threshold keeps a precision or a capacity, no flight is labelled late.

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
    gains = _gains(labelled, hits, rule)
    return _between(p_late[order][starts].astype(np.float64), int(np.argmax(gains)))


def parse_cost(text: str) -> Rule:
    """Read a rule from text: balanced, f1, precision=0.4, capacity=10 %, or costs with either part optional.

    >>> parse_cost("miss=5"), parse_cost("capacity=10%")
    (Cost(false_alarm=1.0, miss=5.0), Capacity(capacity=0.1))
    """
    match text.strip().casefold():
        case "balanced" | "f1" as named:
            return named
    parts = [part.partition("=") for part in text.split(",")]
    names = [name.strip() for name, _, _ in parts]
    if len(set(names)) < len(names):
        raise _bad_cost(text, "a part is given twice")
    amounts = {name: _amount(text, name, amount) for name, (_, _, amount) in zip(names, parts, strict=True)}
    shares: Mapping[str, type[Precision | Capacity]] = {"precision": Precision, "capacity": Capacity}
    for name in shares.keys() & amounts.keys():
        if len(amounts) > 1:
            raise _bad_cost(text, f"{name} stands alone")
        return shares[name](amounts[name])
    return Cost(**amounts)


def describe_rule(text: str) -> str:
    """Say in words what a rule, as it was written, chooses.

    >>> describe_rule("miss=5")
    'miss=5, the least cost'
    """
    words = WORDS.get(text.strip().casefold().partition("=")[0].strip())
    return f"{text}, {words}" if words else text


def _gains(labelled: NDArray[np.intp], hits: NDArray[np.intp], rule: Rule) -> NDArray[np.float64]:
    """Give what each number of flights labelled late, of which some are hits, is worth."""
    late, flights = hits[-1], labelled[-1]
    gains: NDArray[np.float64]
    match rule:
        case "balanced":
            gains = -np.abs(labelled - late).astype(np.float64)
        case "f1":
            gains = 2 * hits / (labelled + late)
        case Precision(precision):
            gains = np.where(hits >= precision * labelled, hits, -1).astype(np.float64)
        case Capacity(capacity):
            gains = np.where(labelled <= capacity * flights, labelled, -1).astype(np.float64)
        case Cost(false_alarm, miss):
            gains = -(false_alarm * (labelled - hits) + miss * (late - hits))
    return gains


def _between(scores: NDArray[np.float64], labelled: int) -> float:
    """Give a threshold that labels the `labelled` highest of the distinct, falling scores and no other."""
    if labelled == 0:
        return float(np.nextafter(max(1.0, scores[0]), np.inf))
    lowest = float(scores[labelled - 1])
    next_lower = float(scores[labelled]) if labelled < len(scores) else 0.0
    middle = (lowest + next_lower) / 2
    return middle if middle > next_lower else lowest


def _amount(text: str, name: str, amount: str) -> float:
    shares = ("precision", "capacity")
    known = (*Cost.__struct_fields__, *shares)
    if name not in known:
        raise _bad_cost(text, f"{name!r} is no part of a cost{did_you_mean(name, known)}")
    percents = amount.strip().endswith("%")
    try:
        number = float(amount.strip().removesuffix("%")) / (100 if percents else 1)
    except ValueError:
        raise _bad_cost(text, f"{name} is {amount!r}, not a number") from None
    if not (math.isfinite(number) and number > 0):
        raise _bad_cost(text, f"{name} is {amount}, not a number above zero")
    if name in shares and number > 1:
        raise _bad_cost(text, f"{name} is {amount}, not a share: above 0 and at most 1, or 100%")
    return number


def _bad_cost(text: str, why: str) -> CostError:
    return CostError(f"cost {text!r}: {why}; {_WAYS}")
