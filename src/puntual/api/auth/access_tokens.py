"""Access tokens of a key: its name and the moment of issue, signed so that every worker knows them again.

The signature takes the service's own secret and the hash of the key: whoever has but one of the two can sign nothing,
and a token ends with its key. How long one lasts is said by the service that checks it, not by the token.
"""

import hashlib
from datetime import UTC, datetime

from itsdangerous import BadSignature, TimestampSigner

_PURPOSE = b"puntual access token "
# The clocks of two replicas may differ by so much.
_CLOCK_SKEW_SECONDS = 5


class AccessTokenError(Exception):
    """A token that opens nothing: it is no token of this service, or its key was revoked."""


class ExpiredTokenError(AccessTokenError):
    """A token that has lasted its time."""


class AccessTokens:
    """Issues and checks tokens that last so many seconds."""

    def __init__(self, secret: str, lifetime: int) -> None:
        self._secret, self.lifetime = secret, lifetime

    def issue(self, name: str, key_digest: bytes, now: float) -> str:
        """Give a token of a key, by its name and its hash."""
        return self._signer(key_digest, now).sign(name.encode()).decode()

    def check(self, token: str, key_digest: bytes, now: float) -> None:
        """Raise AccessTokenError for a token that this key has none of, ExpiredTokenError for an old one."""
        try:
            _, issued = self._signer(key_digest, now).unsign(token.encode(), return_timestamp=True)
        except BadSignature as error:
            raise AccessTokenError from error
        age = (datetime.fromtimestamp(now, UTC) - issued).total_seconds()
        if not -_CLOCK_SKEW_SECONDS <= age < self.lifetime:
            raise ExpiredTokenError

    def _signer(self, key_digest: bytes, now: float) -> "_Signer":
        return _Signer(self._secret, _PURPOSE + key_digest, now)


class _Signer(TimestampSigner):
    """Signs by a clock that it is given."""

    def __init__(self, secret: str, salt: bytes, now: float) -> None:
        super().__init__(secret, salt, key_derivation="hmac", digest_method=hashlib.sha256)
        self._now = int(now)

    def get_timestamp(self) -> int:
        return self._now


def name_in(token: str) -> str:
    """Read the name of the key that a token claims to be of, before anything is checked."""
    return token.rsplit(".", 2)[0]
