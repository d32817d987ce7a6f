"""Bundles and the registry that holds them: publish, promote, roll back and fetch, in a folder or a bucket."""

from puntual.registry.archive import (
    LARGEST,
    SUFFIX,
    Bundle,
    from_bytes,
    read,
    require_columns,
    require_target,
    to_bytes,
)
from puntual.registry.manifest import (
    FORMAT,
    REQUIRED_TABLES,
    Agreement,
    FailedCheck,
    Manifest,
    Promotion,
    SplitInfo,
)
from puntual.registry.push_pull import chosen, pull, push
from puntual.registry.registry import Deployed, ListedBundle, Registry
from puntual.registry.signing import TrustedKeys
from puntual.registry.succession import Deployment, read_pointer

__all__ = [
    "FORMAT",
    "LARGEST",
    "REQUIRED_TABLES",
    "SUFFIX",
    "Agreement",
    "Bundle",
    "Deployed",
    "Deployment",
    "FailedCheck",
    "ListedBundle",
    "Manifest",
    "Promotion",
    "Registry",
    "SplitInfo",
    "TrustedKeys",
    "chosen",
    "from_bytes",
    "pull",
    "push",
    "read",
    "read_pointer",
    "require_columns",
    "require_target",
    "to_bytes",
]
