"""Copies the champion of a registry, with its signatures, to a folder that goes into the image.

Without a registry the folder is empty.

python deploy/image/bake.py models /models
"""

import sys
from pathlib import Path

from puntual.registry import SUFFIX, Registry
from puntual.registry.registry import POINTER
from puntual.registry.signing import signature_name
from puntual.storage import open_store


def bake(url: str, folder: Path) -> str | None:
    """Copy the champion's name, bundle and signatures; give its version, and raise PuntualError for a bad one."""
    folder.mkdir(parents=True)
    if not url:
        return None
    registry = Registry(url)
    registry.read()
    version = registry.require_champion().version
    source, baked = registry.store, open_store(folder)
    for name in (signature_name(version), f"{version}{SUFFIX}", POINTER):
        content = source.read(name)
        if content is not None:
            baked.write(name, content)
    return version


if __name__ == "__main__":
    print(f"model in the image: {bake(sys.argv[1], Path(sys.argv[2])) or 'none'}")
