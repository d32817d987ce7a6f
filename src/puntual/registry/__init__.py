"""The registry: publish bundles, name the champion, roll back and fetch, in a folder or a bucket."""

from puntual.registry.registry import Deployed, Listed, Registry

__all__ = ["Deployed", "Listed", "Registry"]
