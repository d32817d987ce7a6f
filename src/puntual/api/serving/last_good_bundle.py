"""The bundle that answered last, kept in the state folder for the replacements of workers that die."""

import logging
import os
from pathlib import Path

from puntual.errors import BundleError
from puntual.registry import Bundle, from_bytes, to_bytes
from puntual.storage.atomic_write import atomic_write
from puntual.storage.state_folder import make_private

_LOG = logging.getLogger("puntual.service")
# A bundle ends in the digest of its manifest, whose beginning is its version.
_DIGEST = 64


class LastGoodBundle:
    """`last_good.puntual` in the state folder, which is read where the registry's champion cannot be."""

    def __init__(self, state: Path) -> None:
        self._file = state / "last_good.puntual"

    def keep(self, bundle: Bundle) -> None:
        """Keep a bundle that answers, in place of the former; where it cannot be, the log says so."""
        try:
            if self._version() == bundle.version:
                return
            version, content = to_bytes(bundle)
            if version != bundle.version:
                _LOG.warning(
                    "bundle %s is of another release and cannot be kept for replacements", bundle.version
                )
                return
            make_private(self._file.parent)
            with atomic_write(self._file, mode=0o600) as file:
                file.write(content)
        except OSError as error:
            _LOG.warning(
                "%s cannot be written (%s); a worker that dies depends on the registry", self._file, error
            )

    def read(self) -> Bundle | None:
        """Read the bundle that was kept, None where there is none; raise BundleError for one that is damaged."""
        try:
            return from_bytes(self._file.read_bytes(), str(self._file))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BundleError(f"{self._file}: {error.strerror}; promote a model again") from error

    def forget(self) -> None:
        """Remove what another run has kept."""
        try:
            self._file.unlink(missing_ok=True)
        except OSError as error:
            _LOG.warning("%s cannot be removed (%s)", self._file, error)

    def _version(self) -> str | None:
        try:
            with self._file.open("rb") as file:
                file.seek(-_DIGEST, os.SEEK_END)
                return file.read(_DIGEST)[:16].decode("ascii", "replace")
        except FileNotFoundError:
            return None
