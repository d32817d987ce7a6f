"""What is remembered between requests is bounded: in entries, and in the bytes of each."""

import functools
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import puntual
from puntual.features.flight_keys import _number
from puntual.flights import airports
from puntual.sources.limits import LONGEST_TEXT

# Modules that are a program, or pull in what is not installed with the package.
_PROGRAMS = ("puntual.__main__", "puntual.operations.migrations")


def caches() -> Iterator[tuple[str, Any]]:
    """Give every function of the package that remembers its answers."""
    for module in pkgutil.walk_packages(puntual.__path__, "puntual."):
        if module.name.startswith(_PROGRAMS):
            continue
        home = importlib.import_module(module.name)
        for name, value in vars(home).items():
            for label, function in ((name, value), *_methods(name, value)):
                if hasattr(function, "cache_parameters") and function.__module__ == module.name:
                    yield f"{module.name}.{label}", function


def _methods(name: str, value: object) -> Iterator[tuple[str, Any]]:
    if inspect.isclass(value):
        yield from ((f"{name}.{method}", function) for method, function in vars(value).items())


def is_bounded(function: Any) -> bool:
    """Whether a cache has a size, or room for no more than one answer because nothing is asked."""
    return function.cache_parameters()["maxsize"] is not None or not inspect.signature(function).parameters


def test_every_cache_of_the_package_has_a_bound() -> None:
    seen = dict(caches())
    assert {"puntual.features.route.of_route", "puntual.flights.airports._airport"} <= set(seen)
    assert [name for name, function in seen.items() if not is_bounded(function)] == []


def test_a_cache_without_a_bound_is_seen() -> None:
    assert not is_bounded(functools.cache(lambda code: code))
    assert is_bounded(functools.cache(lambda: 1)) and is_bounded(
        functools.lru_cache(maxsize=2)(lambda code: code)
    )


@pytest.mark.parametrize("written", ["SCL", " SCL", "scel", "S" + "\u0043" + "L ", " " * 1_000_000 + "SCL"])
def test_an_airport_is_remembered_once_however_it_is_written(written: str) -> None:
    airports._airport.cache_clear()
    assert airports.find("SCL").code == airports.find(written).code == "SCL"
    assert airports._airport.cache_info().currsize == 1


def test_what_is_remembered_of_a_text_takes_no_more_than_the_longest_text_of_a_table() -> None:
    largest = _number.cache_parameters()["maxsize"] * (sys.getsizeof("ñ" * LONGEST_TEXT) + 200)
    assert largest < 20 * 2**20
