"""A table of flights in; compared candidates and a proven bundle out."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from puntual.training.experiment import Options as Options

__all__ = ["Options"]


def __getattr__(name: str) -> Any:
    # Imported when it is first named: whoever asks for one module of the room need not load all training libraries.
    if name != "Options":
        raise AttributeError(
            f"module 'puntual.training' has no attribute {name!r}; it has {', '.join(__all__)}"
        )
    return import_module("puntual.training.experiment").Options
