"""The keys that callers of the API show: named, given out once, and kept as hashes alone.

A key is 256 random bits, so one round of SHA-256 keeps it: there is no dictionary to try, and a slow hash would
cost every request.
"""

import hashlib
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from puntual.api.auth.rights import USUAL, Right
from puntual.errors import ApiKeyError, SettingError
from puntual.storage.atomic_write import atomic_write
from puntual.storage.file_lock import file_lock
from puntual.storage.state_folder import make_private

NAME = "keys.json"
_PREFIX = "puntual_"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# Whoever needs no key goes by this name in log and journal.
ANONYMOUS = "anonymous"


class ApiKey(msgspec.Struct, frozen=True):
    """One key as it is kept: its name, the SHA-256 of the token, when it was made, and what it may."""

    name: Annotated[str, Meta(pattern=f"^{_NAME.pattern}$")]
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    created: datetime
    may: tuple[Right, ...] = USUAL


class KeyStore:
    """The keys of a state folder, in a file that only its owner can read."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.path = folder, folder / NAME
        self._lock = folder / f".{NAME}.lock"

    def create(self, name: str, now: datetime, may: Sequence[Right] = USUAL) -> str:
        """Make a key and return its token, which is shown this once; raise ApiKeyError for a name that is taken."""
        if not _NAME.fullmatch(name):
            raise ApiKeyError(
                f"key name {name[:80]!r}: use up to 64 letters, digits, dots, dashes and underscores"
            )
        if name == ANONYMOUS:
            raise ApiKeyError(f"key name {name!r} stands in the log for callers without a key; take another")
        token = _PREFIX + secrets.token_urlsafe(32)
        with self._locked():
            keys = self.all()
            if any(key.name == name for key in keys):
                raise ApiKeyError(f"key {name!r} exists already; revoke it first, or take another name")
            self._write([*keys, ApiKey(name, digest_of(token), now, tuple(may) or USUAL)])
        return token

    def all(self) -> list[ApiKey]:
        """List the keys; raise ApiKeyError when the file is damaged."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return []
        try:
            return msgspec.json.decode(content, type=list[ApiKey])
        except msgspec.DecodeError as error:
            raise ApiKeyError(
                f"{self.path}: unreadable ({error}); restore it, or remove it and make the keys again"
            ) from error

    def revoke(self, name: str) -> list[ApiKey]:
        """Revoke a key and list those that are left; raise ApiKeyError when there is none of that name."""
        if not self.were_made():
            raise ApiKeyError(f"no key is called {name[:80]!r}; there are none")
        with self._locked():
            keys = self.all()
            kept = [key for key in keys if key.name != name]
            if len(kept) == len(keys):
                raise ApiKeyError(
                    f"no key is called {name[:80]!r}; there are {', '.join(key.name for key in keys) or 'none'}"
                )
            self._write(kept)
        return kept

    def were_made(self) -> bool:
        """Tell whether keys were ever made here; the file of their lock outlives them."""
        return self._lock.exists() or self.path.exists()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        make_private(self._folder)
        with file_lock(self._lock, mode=0o600):
            yield

    def _write(self, keys: list[ApiKey]) -> None:
        with atomic_write(self.path, mode=0o600) as file:
            file.write(msgspec.json.format(msgspec.json.encode(keys), indent=2) + b"\n")


def exported(keys: Sequence[ApiKey]) -> str:
    """Write keys as the setting PUNTUAL_KEYS takes them: one line, with the hashes and no token."""
    return msgspec.json.encode(keys).decode()


def parse_keys(setting: str) -> list[ApiKey]:
    """Read the setting PUNTUAL_KEYS; raise SettingError for one that cannot be read, without its content."""
    try:
        return msgspec.json.decode(setting, type=list[ApiKey]) if setting else []
    except (msgspec.DecodeError, UnicodeError) as error:
        raise SettingError(
            f"PUNTUAL_KEYS holds no keys ({error}); `puntual keys export` writes what to put there"
        ) from error


def digest_of(token: str) -> str:
    """Hash a token, as it is kept."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
