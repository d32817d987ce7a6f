"""The registry: publish bundles, name the champion, roll back and fetch, in a folder or a bucket."""

from puntual.registry.pointer import Deployment, read_pointer
from puntual.registry.registry import Deployed, Listed, Registry
from puntual.registry.transfer import chosen, pull, push

__all__ = ["Deployed", "Deployment", "Listed", "Registry", "chosen", "pull", "push", "read_pointer"]
