"""Why a flight is thought to be late: exact Shapley values of P(late) over the groups of features.

Each group is either the flight's own or the reference flight's, in all ways there are (Shapley, 1953; the value
function is that of Lundberg and Lee, 2017, with one reference). So the reasons sum to the flight's P(late) less the
reference flight's. A flight of the day before has six groups, and so 64 ways; one whose day unfolds has eleven, of
which those that nothing is known of are left out.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from puntual.features.live_vector import ALL_COLUMNS, GROUPS_NOW, HORIZON_COLUMNS, LIVE_FEATURES
from puntual.features.spec import Group
from puntual.features.states import knows_history, part
from puntual.features.vector import COLUMNS, FEATURES, GROUPS, Matrix

COALITIONS = 2 ** len(GROUPS)
_HISTORY_GROUP = GROUPS.index(Group.HISTORY)
# Of each group where its features stand in the vector, be it that of the day before or the wider one.
_PLACES = {
    len(columns): [
        np.array([place for place, feature in enumerate(features) if feature.group is group], np.intp)
        for group in groups
    ]
    for columns, features, groups in (
        (COLUMNS, FEATURES, GROUPS),
        (ALL_COLUMNS, (*FEATURES, *LIVE_FEATURES), (*GROUPS, *GROUPS_NOW)),
    )
}
PLate = Callable[[Matrix], NDArray[np.float64]]


def shapley(matrix: Matrix, reference: NDArray[np.float32], p_late: PLate) -> NDArray[np.float64]:
    """Give each group's share in P(late) of n flights, shape (n, groups); `p_late` is called once.

    `reference` is one vector for all flights, or has one for each. Groups in which no flight of a wide matrix differs
    from its reference have no share.
    """
    places = _PLACES[matrix.shape[1]]
    reference = np.broadcast_to(reference, matrix.shape)
    acting = list(range(len(places)))
    if matrix.shape[1] > len(COLUMNS):
        same = (matrix == reference) | (np.isnan(matrix) & np.isnan(reference))
        acting = [group for group in acting if not same[:, places[group]].all()]
    own = np.zeros((2 ** len(acting), matrix.shape[1]), bool)
    members = _membership(len(acting))
    for player, group in enumerate(acting):
        own[:, places[group]] = members[:, player, np.newaxis]
    mixed = np.where(own[np.newaxis], matrix[:, np.newaxis], reference[:, np.newaxis])
    value = p_late(mixed.reshape(-1, matrix.shape[1])).reshape(len(matrix), len(members))
    shares = np.zeros((len(matrix), len(places)))
    shares[:, acting] = value @ _shares(len(acting))
    return shares


def reasons_of(matrix: Matrix, reference: NDArray[np.float32], p_late: PLate) -> NDArray[np.float64]:
    """Compare with what the reference flight would be in each row's state: what is not known is no reason.

    `reference` is a vector of all columns, as long as `matrix` is wide, or longer. How far ahead a flight is looked at
    is no reason either, as it is what is known that it decides.
    """
    width = matrix.shape[1]
    references = np.repeat(reference[np.newaxis, :width], len(matrix), axis=0)
    for state, rows in part(matrix):
        references[np.ix_(np.arange(len(matrix))[rows], state.hidden)] = np.nan
    if width > len(COLUMNS):
        references[:, HORIZON_COLUMNS] = matrix[:, HORIZON_COLUMNS]
        now = references[:, len(COLUMNS) :]
        now[np.isnan(matrix[:, len(COLUMNS) :])] = np.nan
    why = shapley(matrix, references, p_late)
    why[~knows_history(matrix), _HISTORY_GROUP] = 0.0
    return why


@lru_cache
def _membership(groups: int) -> NDArray[np.bool_]:
    return (np.arange(2**groups)[:, np.newaxis] >> np.arange(groups) & 1).astype(bool)


@lru_cache
def _shares(groups: int) -> NDArray[np.float64]:
    """Weigh each coalition's value in each group's Shapley value, shape (2 ** groups, groups)."""
    members = _membership(groups)
    others = members.sum(axis=1, keepdims=True) - members
    weight = np.array(
        [
            math.factorial(size) * math.factorial(groups - size - 1) / math.factorial(groups)
            for size in range(groups)
        ]
    )
    shares: NDArray[np.float64] = np.where(members, weight[others], -weight[others])
    return shares
