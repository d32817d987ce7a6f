"""Puntual says how late a scheduled flight is likely to be, from a table of past flights."""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from puntual.flights.flight import Flight as Flight
    from puntual.prediction.predictor import Predictor as Predictor
    from puntual.sources import read_flights as read_flights
    from puntual.training.train import train as train

__all__ = ["Flight", "Predictor", "read_flights", "train"]

# The official builds of onnxruntime report its use to their maker, from 1.29 on, and keep an identifier in ~/.cache,
# unless this stands before they are loaded. Whoever wants that sets it to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# Where each name lives: imported when it is first asked for, so that `import puntual` costs next to nothing.
_HOMES = {
    "Flight": "puntual.flights.flight",
    "Predictor": "puntual.prediction.predictor",
    "read_flights": "puntual.sources",
    "train": "puntual.training.train",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'puntual' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
