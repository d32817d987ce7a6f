"""Whose token one is: by the keys of the setting, and by the file of the state folder, which is followed."""

import hmac
import logging
import time
from collections.abc import Callable, Sequence, Set
from pathlib import Path

from puntual.api.auth.api_keys import ApiKey, KeyStore, digest_of, parse_keys
from puntual.api.auth.rights import Right
from puntual.errors import ApiKeyError

_LOG = logging.getLogger("puntual.api.auth")
_LOOK_SECONDS = 1.0
_FileStamp = tuple[int, int, int]


class Verifier:
    """Follows keys as they come and go.

    Where keys were made once, the service stays closed whatever becomes of them: a damaged file leaves its keys as they
    were, and one that is empty or gone leaves none.
    """

    def __init__(self, folder: Path, setting: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        """Follow the keys of a state folder beside those of PUNTUAL_KEYS; raise SettingError if these are none."""
        self._store, self._clock = KeyStore(folder), clock
        self._of_setting = _listed(parse_keys(setting))
        self._keys = self._of_setting
        self._stamp: _FileStamp | None = None
        self._next_look = float("-inf")
        self._were_made = False
        self.problem: str | None = None

    def requires_key(self) -> bool:
        """Tell whether callers need a key: whether there is one, or was."""
        self._look()
        return bool(self._keys) or self.problem is not None

    def check(self, token: str) -> str | None:
        """Name the key of a token, or None; takes as long whichever key it is, if any."""
        owner = self._owner(token)
        return None if owner is None else owner.name

    def rights(self, token: str) -> Set[Right]:
        """Give what the key of a token may do; nothing where there is no such key."""
        owner = self._owner(token)
        return frozenset() if owner is None else frozenset(owner.may)

    def digest(self, name: str) -> bytes | None:
        """Give the hash of a key; None where none is called so."""
        self._look()
        return next((digest for digest, key in self._keys if key.name == name), None)

    def _owner(self, token: str) -> ApiKey | None:
        self._look()
        digest = digest_of(token).encode()
        owner = None
        for known, key in self._keys:
            if hmac.compare_digest(known, digest):
                owner = key
        return owner

    def _look(self) -> None:
        now = self._clock()
        if now < self._next_look:
            return
        self._next_look = now + _LOOK_SECONDS
        stamp = self._file_stamp()
        if stamp is not None and stamp == self._stamp:
            return
        try:
            keys = _listed(self._store.all())
        except (ApiKeyError, OSError) as error:
            self._report(f"{error}; the keys that were read before go on, and no others")
            return
        self._keys, self._stamp = [*self._of_setting, *keys], stamp
        self._were_made = self._were_made or bool(keys) or self._store.were_made()
        self._report(self._why_closed() if self._were_made and not keys else None)

    def _why_closed(self) -> str:
        cause = "is gone, and keys were made" if self._stamp is None else "holds no key any more"
        return (
            f"{self._store.path} {cause}; the service stays closed until `puntual keys create NAME` makes one"
        )

    def _report(self, problem: str | None) -> None:
        """Log what is wrong; while it stays the same, once is enough."""
        if problem is not None and problem != self.problem:
            _LOG.error("%s", problem)
        self.problem = problem

    def _file_stamp(self) -> _FileStamp | None:
        try:
            status = self._store.path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size


def _listed(keys: Sequence[ApiKey]) -> list[tuple[bytes, ApiKey]]:
    return [(key.digest.encode(), key) for key in keys]
