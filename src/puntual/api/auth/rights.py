"""What a key may do beside reading and predicting, and which requests want which right."""

from collections.abc import Set
from enum import StrEnum


class Right(StrEnum):
    """One thing that a key may do; every key may read and predict."""

    PREDICT = "predict"
    OPERATE = "operate"
    PROMOTE = "promote"


# What a key may that was made before keys had rights, or without naming any.
USUAL = (Right.OPERATE,)

# Whatever else is asked by another method may change what the service answers, so it wants a key even where
# nothing else does.
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_ASKING = frozenset({"/predict", "/invocations", "/tables"})
_ROLLBACK = "/models/rollback"


def changes(method: str, path: str) -> bool:
    """Tell whether a request changes something: whether it neither reads nor asks for predictions.

    >>> changes("POST", "/predict"), changes("PUT", "/timetable")
    (False, True)
    """
    return method not in _READING and path not in _ASKING


def rights_for(method: str, path: str) -> Set[Right]:
    """Give the rights of which a key needs one; none where every key may.

    >>> rights_for("GET", "/flights"), sorted(rights_for("POST", "/events"))
    (frozenset(), [<Right.OPERATE: 'operate'>])
    >>> sorted(rights_for("POST", "/models/00000000000000aa/promote"))
    [<Right.PROMOTE: 'promote'>]
    """
    if not changes(method, path):
        return frozenset()
    if chooses_champion(path):
        return frozenset({Right.PROMOTE})
    if path == "/models/reload":
        return frozenset({Right.OPERATE, Right.PROMOTE})
    return frozenset({Right.OPERATE})


def chooses_champion(path: str) -> bool:
    """Tell whether a path leads to where the champion is chosen, which no setting opens to callers without a key."""
    return path == _ROLLBACK or (path.startswith("/models/") and path.endswith("/promote"))
