"""The secret that access tokens are signed with, which no command prints."""

import logging
import secrets
from pathlib import Path

from puntual.storage.atomic_write import atomic_write
from puntual.storage.file_lock import file_lock
from puntual.storage.state_folder import make_private

NAME = "token-secret"
_BYTES = 32
_LOG = logging.getLogger("puntual.api.auth")


def token_secret(folder: Path, setting: str) -> str:
    """Give the secret of the setting, or else that of the state folder, which is made where there is none yet.

    A folder that cannot be written gives one that lasts as long as this process.
    """
    if setting:
        return setting
    try:
        return _kept(folder)
    except (OSError, UnicodeError) as error:
        _LOG.warning(
            "%s: the secret of access tokens cannot be kept (%s); tokens end with this process, "
            "unless PUNTUAL_TOKEN_SECRET is set",
            folder / NAME,
            error,
        )
        return secrets.token_hex(_BYTES)


def _kept(folder: Path) -> str:
    path = folder / NAME
    if secret := _read(path):
        return secret
    make_private(folder)
    # Of several workers one makes it, and the others take what stands there then.
    with file_lock(folder / f".{NAME}.lock", mode=0o600):
        if not _read(path):
            with atomic_write(path, mode=0o600) as file:
                file.write(secrets.token_hex(_BYTES).encode())
    return _read(path)


def _read(path: Path) -> str:
    """Read the secret; nothing for a file that is missing or cut short."""
    try:
        secret = path.read_text("ascii")
    except FileNotFoundError:
        return ""
    return secret if len(secret) >= _BYTES else ""
