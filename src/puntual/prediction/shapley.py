"""Why a flight is thought to be late: exact Shapley values of P(late) over the six groups of features.

Each group is either the flight's own or the reference flight's, in all 64 ways (Shapley, 1953; the value function
is that of Lundberg and Lee, 2017, with one reference). So the six reasons sum to the flight's P(late) less the
reference flight's.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from puntual.features.spec import Group
from puntual.features.states import knows_history, part
from puntual.features.vector import COLUMNS, GROUPS, Matrix, columns_of

COALITIONS = 2 ** len(GROUPS)
_HISTORY_GROUP = GROUPS.index(Group.HISTORY)


def shapley(
    matrix: Matrix, reference: NDArray[np.float32], p_late: Callable[[Matrix], NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Give each group's share in P(late) of n flights, shape (n, 6); `p_late` is called once, with 64 n rows.

    `reference` is one vector for all flights, or has one for each.
    """
    mixed = np.where(_TAKES_OWN[np.newaxis], matrix[:, np.newaxis], np.atleast_2d(reference)[:, np.newaxis])
    value = p_late(mixed.reshape(-1, len(COLUMNS))).reshape(len(matrix), COALITIONS)
    shares: NDArray[np.float64] = value @ _SHARES
    return shares


def reasons_of(
    matrix: Matrix, reference: NDArray[np.float32], p_late: Callable[[Matrix], NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Compare with what the reference flight would be in each row's state: what is not known is no reason."""
    references = np.repeat(reference[np.newaxis], len(matrix), axis=0)
    for state, rows in part(matrix):
        references[np.ix_(np.arange(len(matrix))[rows], state.hidden)] = np.nan
    why = shapley(matrix, references, p_late)
    why[~knows_history(matrix), _HISTORY_GROUP] = 0.0
    return why


def _membership() -> NDArray[np.bool_]:
    return (np.arange(COALITIONS)[:, np.newaxis] >> np.arange(len(GROUPS)) & 1).astype(bool)


def _takes_own() -> NDArray[np.bool_]:
    takes = np.zeros((COALITIONS, len(COLUMNS)), bool)
    for place, group in enumerate(GROUPS):
        takes[:, columns_of(group)] = _MEMBERS[:, place, np.newaxis]
    return takes


def _shares() -> NDArray[np.float64]:
    """Weigh each coalition's value in each group's Shapley value, shape (64, 6)."""
    others = _MEMBERS.sum(axis=1, keepdims=True) - _MEMBERS
    count = len(GROUPS)
    weight = np.array(
        [
            math.factorial(size) * math.factorial(count - size - 1) / math.factorial(count)
            for size in range(count)
        ]
    )
    shares: NDArray[np.float64] = np.where(_MEMBERS, weight[others], -weight[others])
    return shares


_MEMBERS = _membership()
_TAKES_OWN = _takes_own()
_SHARES = _shares()
