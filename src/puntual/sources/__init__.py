"""Sources of flights: one file per publisher, each turning its table into flights with `schema.SCHEMA`."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from puntual.sources.arrivals import toward as toward
    from puntual.sources.catalog import SOURCES as SOURCES
    from puntual.sources.catalog import Source as Source
    from puntual.sources.catalog import read_flights as read_flights
    from puntual.sources.faults import BadRows as BadRows
    from puntual.sources.files import Place as Place
    from puntual.sources.flight_table import OPTIONAL as OPTIONAL
    from puntual.sources.flight_table import FlightTable as FlightTable
    from puntual.sources.flight_table import LeftOut as LeftOut
    from puntual.sources.native import read_plain as read_plain
    from puntual.sources.native import read_requested as read_requested

__all__ = [
    "OPTIONAL",
    "SOURCES",
    "BadRows",
    "FlightTable",
    "LeftOut",
    "Place",
    "Source",
    "read_flights",
    "read_plain",
    "read_requested",
    "toward",
]

# Imported when they are first used: the service takes words and text from here, and has no Polars.
_HOMES = {
    "OPTIONAL": "flight_table",
    "BadRows": "faults",
    "SOURCES": "catalog",
    "FlightTable": "flight_table",
    "LeftOut": "flight_table",
    "Place": "files",
    "Source": "catalog",
    "read_requested": "native",
    "read_flights": "catalog",
    "read_plain": "native",
    "toward": "arrivals",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'puntual.sources' has no attribute {name!r}")
    return getattr(import_module(f"puntual.sources.{_HOMES[name]}"), name)
