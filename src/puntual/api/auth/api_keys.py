"""The keys that callers of the API show: named, given out once, and kept as hashes alone.

A key is 256 random bits, so one round of SHA-256 keeps it: there is no dictionary to try, and a slow hash would
cost every request.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from puntual.errors import ApiKeyError, SettingError
from puntual.storage.atomic_write import atomic_write
from puntual.storage.file_lock import file_lock
from puntual.storage.state_folder import make_private

NAME = "keys.json"
_PREFIX = "puntual_"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LOOK_SECONDS = 1.0


class ApiKey(msgspec.Struct, frozen=True):
    """One key as it is kept: its name, the SHA-256 of the token, and when it was made."""

    name: Annotated[str, Meta(pattern=f"^{_NAME.pattern}$")]
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    created: datetime


class KeyStore:
    """The keys of a state folder, in a file that only its owner can read."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, folder / NAME

    def create(self, name: str, now: datetime) -> str:
        """Make a key and return its token, which is shown this once; raise ApiKeyError for a name that is taken."""
        if not _NAME.fullmatch(name):
            raise ApiKeyError(
                f"key name {name[:80]!r}: use up to 64 letters, digits, dots, dashes and underscores"
            )
        token = _PREFIX + secrets.token_urlsafe(32)
        with self._locked():
            keys = self.all()
            if any(key.name == name for key in keys):
                raise ApiKeyError(f"key {name!r} exists already; revoke it first, or take another name")
            self._write([*keys, ApiKey(name, _digest(token), now)])
        return token

    def all(self) -> list[ApiKey]:
        """List the keys; raise ApiKeyError when the file is damaged."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return []
        try:
            return msgspec.json.decode(content, type=list[ApiKey])
        except msgspec.DecodeError as error:
            raise ApiKeyError(
                f"{self._path}: unreadable ({error}); restore it, or remove it and make the keys again"
            ) from error

    def revoke(self, name: str) -> None:
        """Revoke a key; raise ApiKeyError when there is none of that name."""
        with self._locked():
            keys = self.all()
            kept = [key for key in keys if key.name != name]
            if len(kept) == len(keys):
                raise ApiKeyError(
                    f"no key is called {name[:80]!r}; there are {', '.join(key.name for key in keys) or 'none'}"
                )
            self._write(kept)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        make_private(self._folder)
        with file_lock(self._folder / f".{NAME}.lock", mode=0o600):
            yield

    def _write(self, keys: list[ApiKey]) -> None:
        with atomic_write(self._path, mode=0o600) as file:
            file.write(msgspec.json.format(msgspec.json.encode(keys), indent=2) + b"\n")


def exported(keys: Sequence[ApiKey]) -> str:
    """Write keys as the setting PUNTUAL_KEYS takes them: one line, with the hashes and no token."""
    return msgspec.json.encode(keys).decode()


def given_keys(setting: str) -> list[ApiKey]:
    """Read the setting PUNTUAL_KEYS; raise SettingError for one that cannot be read, without its content."""
    try:
        return msgspec.json.decode(setting, type=list[ApiKey]) if setting else []
    except (msgspec.DecodeError, UnicodeError) as error:
        raise SettingError(
            f"PUNTUAL_KEYS holds no keys ({error}); `puntual keys export` writes what to put there"
        ) from error


class Verifier:
    """Tells whose token one is: by the keys given, and by the file, which is followed as keys come and go.

    A damaged file leaves its keys as they were.
    """

    def __init__(self, folder: Path, setting: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        """Follow the keys of a state folder beside those of PUNTUAL_KEYS; raise SettingError if these are none."""
        self._store, self._path, self._clock = KeyStore(folder), folder / NAME, clock
        self._given = _hashes(given_keys(setting))
        self._keys = self._given
        self._stamp: tuple[int, int, int] | None = None
        self._next_look = float("-inf")
        self.error: str | None = None

    def any_keys(self) -> bool:
        """Tell whether there is a key at all."""
        self._look()
        # A file that cannot be read may hold keys, so it does not open the door.
        return bool(self._keys) or self.error is not None

    def check(self, token: str) -> str | None:
        """Name the key of a token, or None; takes as long whichever key it is, if any."""
        self._look()
        digest = _digest(token).encode()
        owner = None
        for name, known in self._keys:
            if hmac.compare_digest(known, digest):
                owner = name
        return owner

    def sign(self, name: str, message: bytes) -> str | None:
        """Sign a message on behalf of the key of a name, in hexadecimal; None where no key is called so.

        What all workers hold of a key is its hash, so each knows what another signed, until the key is revoked.
        """
        self._look()
        digests = (digest for known, digest in self._keys if known == name)
        digest = next(digests, None)
        return None if digest is None else hmac.new(digest, message, hashlib.sha256).hexdigest()

    def _look(self) -> None:
        now = self._clock()
        if now < self._next_look:
            return
        self._next_look = now + _LOOK_SECONDS
        stamp = self._file_stamp()
        if stamp == self._stamp:
            return
        try:
            self._keys = [*self._given, *_hashes(self._store.all())]
            self._stamp, self.error = stamp, None
        except (ApiKeyError, OSError) as error:
            self.error = str(error)

    def _file_stamp(self) -> tuple[int, int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size


def _hashes(keys: Sequence[ApiKey]) -> list[tuple[str, bytes]]:
    return [(key.name, key.digest.encode()) for key in keys]


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
