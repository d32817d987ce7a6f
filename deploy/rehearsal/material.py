"""Two bundles to release, trained in a moment on two weeks of real flights."""

from dataclasses import replace
from datetime import UTC, datetime

from puntual.registry import Registry
from puntual.sources import read_flights
from puntual.training.train import Options, train


def make_bundles(registry: Registry) -> tuple[str, str]:
    """Train one bundle, and publish it with another card as a second one; give their versions."""
    options = Options(
        candidates="logistic:none", live=False, start=datetime(2013, 10, 18), until=datetime(2013, 11, 1)
    )
    trained = train(read_flights("nyc"), registry=registry.url, now=datetime.now(UTC), options=options)
    first = registry.read(trained.version)
    return trained.version, registry.publish(
        replace(first, card=f"{first.card}\nThe same, under another version.")
    )
