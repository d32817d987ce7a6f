"""The bundle that answered last, kept in the state folder for the replacements of workers that die."""

import logging
import os
from pathlib import Path

from puntual.registry import SUFFIX, Bundle, Registry, to_bytes
from puntual.registry.signing import signature_name
from puntual.storage.atomic_write import atomic_write
from puntual.storage.state_folder import make_private

_LOG = logging.getLogger("puntual.service")
# A bundle ends in the digest of its manifest, whose beginning is its version.
_DIGEST = 64


class LastGoodBundle:
    """`last_good.puntual` in the state folder, and its signatures beside it."""

    def __init__(self, state: Path) -> None:
        self._file = state / f"last_good{SUFFIX}"
        self._signatures = Path(signature_name(str(self._file)))

    def keep(self, bundle: Bundle, signatures: bytes | None) -> None:
        """Keep a bundle that answers, in place of the former; where it cannot be, the log says so."""
        try:
            if self._version() != bundle.version:
                self._replace(bundle)
            if signatures is not None:
                self._write(self._signatures, signatures)
        except OSError as error:
            _LOG.warning(
                "%s cannot be written (%s); a worker that dies depends on the registry", self._file, error
            )

    def read(self, registry: Registry) -> Bundle | None:
        """Read the bundle that was kept, None where there is none.

        Raise BundleError for one that is damaged, or not signed where the registry takes no others.
        """
        return registry.read(self._file) if self._file.exists() else None

    def forget(self) -> None:
        """Remove what another run has kept."""
        try:
            for kept in (self._file, self._signatures):
                kept.unlink(missing_ok=True)
        except OSError as error:
            _LOG.warning("%s cannot be removed (%s)", self._file, error)

    def _replace(self, bundle: Bundle) -> None:
        version, content = to_bytes(bundle)
        if version == bundle.version:
            self._write(self._file, content)
        else:
            _LOG.warning(
                "bundle %s is of another release and cannot be kept for replacements", bundle.version
            )

    def _write(self, path: Path, content: bytes) -> None:
        make_private(path.parent)
        with atomic_write(path, mode=0o600) as file:
            file.write(content)

    def _version(self) -> str | None:
        try:
            with self._file.open("rb") as file:
                file.seek(-_DIGEST, os.SEEK_END)
                return file.read(_DIGEST)[:16].decode("ascii", "replace")
        except FileNotFoundError:
            return None
