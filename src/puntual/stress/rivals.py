"""What the service is compared with in the same run: a bare answer, and the conventional stack with the same model."""

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from puntual.errors import StressTestError
from puntual.prediction.predictor import Predictor
from puntual.registry import Registry, to_bytes
from puntual.stress.flights import KEY
from puntual.stress.material import Material, vectors_of

# What `conventional.py` reads; it is not imported here, since it needs libraries that may be missing.
BUNDLE, KEYS, VECTORS = "model.puntual", "keys.parquet", "vectors.npy"
_STACK = ("fastapi",)


@dataclass(frozen=True)
class Rival:
    """A server for comparison: what it is, and how it is prepared for the requests of a material.

    `prepare` writes into a folder what the server reads there; it raises StressTestError where it cannot be run.
    `predicts` says whether its answers are those of the model.
    """

    name: str
    what: str
    module: str
    prepare: Callable[[Path, Predictor, Material, str], None]
    predicts: bool = True

    def command(self, folder: Path, port: int) -> list[str]:
        """Give the command that runs it."""
        return [sys.executable, "-m", self.module, str(folder), str(port)]


def _prepare_nothing(*_: object) -> None:
    return


def _prepare_conventional(folder: Path, predictor: Predictor, material: Material, registry: str) -> None:
    missing = [name for name in _STACK if importlib.util.find_spec(name) is None]
    if missing:
        raise StressTestError(f"{', '.join(missing)} is not installed; pip install 'puntual[serve,stress]'")
    # The predictor has let go of its bundle's content.
    bundle = Registry(registry).read(predictor.bundle.version)
    (folder / BUNDLE).write_bytes(to_bytes(bundle)[1])
    material.flights.select(KEY).write_parquet(folder / KEYS)
    np.save(folder / VECTORS, vectors_of(predictor, material))


BARE = Rival(
    "bare",
    "the same bytes for every request, on the same server",
    "puntual.stress.bare",
    _prepare_nothing,
    False,
)
CONVENTIONAL = Rival(
    "conventional",
    "FastAPI, pydantic and ONNX Runtime, with the vector of every flight ready in a dictionary",
    "puntual.stress.conventional",
    _prepare_conventional,
)
RIVALS = (BARE, CONVENTIONAL)
