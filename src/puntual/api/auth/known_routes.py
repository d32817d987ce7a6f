"""Which paths there are, by which methods: what is nowhere is so for everyone, with a key or without."""

import re
from collections.abc import Iterable

_PARAMETER = re.compile(r"\{[^{}]*\}")


class KnownRoutes:
    """The routes of the application; all that a parameter could stand for counts as there."""

    def __init__(self, routes: Iterable[tuple[str, Iterable[str]]]) -> None:
        """Know routes by their path, `/models/{version:str}`, and the methods that it takes."""
        self._routes = [(_pattern(path), frozenset(methods)) for path, methods in routes]

    def has(self, method: str, path: str) -> bool:
        """Tell whether a request would reach a route, HEAD that of GET."""
        method = "GET" if method == "HEAD" else method
        return any(method in methods and pattern.fullmatch(path) for pattern, methods in self._routes)


def _pattern(path: str) -> re.Pattern[str]:
    words = [re.escape(part) for part in _PARAMETER.split(path)]
    return re.compile(".+".join(words), re.DOTALL)
