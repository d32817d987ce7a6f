"""The pickled estimators beside the bundles, for notebooks: bytes that are copied and never read."""

from collections.abc import Callable

from puntual.storage import FileStat
from puntual.storage.base import Store

DEPLOYED = "model_to_deploy.pkl"
# Bytes; forests of a large table take hundreds of MB.
_LARGEST = 4 * 2**30


def keep(store: Store, version: str, estimator: bytes) -> None:
    """Write the estimator of a version beside its bundle."""
    store.write(_name(version), estimator)


def fetch(store: Store, version: str) -> bytes | None:
    """Read the estimator of a version, None where none was published."""
    return store.read(_name(version), _LARGEST)


def deploy(store: Store, champion: Callable[[], str | None]) -> bool:
    """Have `model_to_deploy.pkl` hold the champion's estimator, or nothing; tell whether there is one.

    The champion is asked for again at the end: where there are no locks another may become it meanwhile.
    """
    while True:
        version = champion()
        estimator = None if version is None else fetch(store, version)
        if estimator is None:
            store.remove(DEPLOYED)
        elif store.stat(DEPLOYED) != FileStat.of(estimator):
            store.write(DEPLOYED, estimator)
        if champion() == version:
            return estimator is not None


def _name(version: str) -> str:
    return f"{version}.pkl"
