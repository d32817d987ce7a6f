"""The artifact: one data-only file that holds a trained model with all that it needs."""

from puntual.bundle.archive import SUFFIX, Bundle, from_bytes, read, require_columns, to_bytes
from puntual.bundle.manifest import (
    FORMAT,
    REQUIRED_TABLES,
    Agreement,
    FailedCheck,
    Manifest,
    Promotion,
    SplitInfo,
)

__all__ = [
    "FORMAT",
    "REQUIRED_TABLES",
    "SUFFIX",
    "Agreement",
    "Bundle",
    "FailedCheck",
    "Manifest",
    "Promotion",
    "SplitInfo",
    "from_bytes",
    "read",
    "require_columns",
    "to_bytes",
]
