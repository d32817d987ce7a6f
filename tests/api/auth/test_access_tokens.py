"""Access tokens are signed with what is never exported, last as long as the service says, and end with their key."""

import hashlib
import hmac
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from puntual.api.amadeus import tokens
from puntual.api.auth.access_tokens import AccessTokenError, AccessTokens, ExpiredTokenError
from puntual.api.auth.api_keys import KeyStore, exported
from puntual.api.auth.guard import Guard
from puntual.api.auth.rate_limit import RateLimit
from puntual.api.auth.token_secret import NAME, token_secret
from puntual.api.auth.verifier import Verifier
from puntual.api.problems import ProblemError

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOW = NOON.timestamp()
DIGEST, OTHER = b"ab" * 32, b"cd" * 32
SECRET = "s" * 32


def guard_of(state: Path, secret: str = "", lifetime: int = 1_799) -> Guard:
    issued = AccessTokens(token_secret(state, secret), lifetime)
    return Guard(Verifier(state), RateLimit(1_000, 1_000), issued, always=False)


def test_a_token_is_known_to_every_worker_until_its_time_is_over() -> None:
    token = AccessTokens(SECRET, 60).issue("air.tower-1", DIGEST, NOW)
    worker = AccessTokens(SECRET, 60)
    for seconds in (0, 59, -5):
        worker.check(token, DIGEST, NOW + seconds)
    for seconds in (60, 10**6, -60):
        with pytest.raises(ExpiredTokenError):
            worker.check(token, DIGEST, NOW + seconds)


@pytest.mark.parametrize(
    ("secret", "digest"), [("t" * 32, DIGEST), (SECRET, OTHER)], ids=["another secret", "the key made anew"]
)
def test_a_token_is_worthless_elsewhere(secret: str, digest: bytes) -> None:
    token = AccessTokens(SECRET, 60).issue("tower", DIGEST, NOW)
    with pytest.raises(AccessTokenError):
        AccessTokens(secret, 60).check(token, digest, NOW)


@pytest.mark.parametrize("token", ["", ".", "tower", "tower..", "tower.aaaa.bbbb", "t\xff.a.b", "." * 5_000])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(AccessTokenError):
        AccessTokens(SECRET, 60).check(token, DIGEST, NOW)


def test_whoever_has_the_exported_hashes_can_sign_nothing(tmp_path: Path) -> None:
    key = KeyStore(tmp_path).create("tower", NOON)
    guard = guard_of(tmp_path)
    digest = hashlib.sha256(key.encode()).hexdigest()
    assert digest in exported(KeyStore(tmp_path).all())
    # As tokens were once signed, to last for ever.
    claim = f"tower~{int(NOW) + 10**9}"
    forged = hmac.new(digest.encode(), f"amadeus access token {claim}".encode(), hashlib.sha256).hexdigest()
    forgeries = [f"{claim}~{forged}"]
    forgeries += [
        AccessTokens(guess, 86_400).issue("tower", digest.encode(), NOW) for guess in ("", digest, key)
    ]
    for token in forgeries:
        with pytest.raises(ProblemError) as refused:
            tokens.admit({b"authorization": f"Bearer {token}".encode()}, guard, NOW)
        assert refused.value.status == 401


def test_a_shorter_lifetime_shortens_tokens_that_were_issued_before(tmp_path: Path) -> None:
    key = KeyStore(tmp_path).create("tower", NOON)
    form = f"grant_type=client_credentials&client_id=tower&client_secret={key}".encode()
    issued = tokens.issue(form, guard_of(tmp_path, lifetime=86_400), 86_400, NOW)
    bearer = {b"authorization": f"Bearer {issued.access_token}".encode()}
    tokens.admit(bearer, guard_of(tmp_path, lifetime=86_400), NOW + 3_600)
    with pytest.raises(ProblemError, match="expired"):
        tokens.admit(bearer, guard_of(tmp_path, lifetime=60), NOW + 3_600)


def test_the_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from puntual.api.auth.token_secret import token_secret;"
        "print(token_secret(Path(sys.argv[1]), ''))"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    secrets = {worker.communicate(timeout=60)[0].strip().decode() for worker in workers}
    assert secrets == {token_secret(tmp_path, "")}
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
    assert len(secrets.pop()) == 64


def test_replicas_share_the_secret_of_the_setting(tmp_path: Path) -> None:
    assert token_secret(tmp_path, SECRET) == SECRET
    assert not (tmp_path / NAME).exists()


def test_a_secret_that_was_cut_short_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("")
    assert len(token_secret(tmp_path, "")) == 64


def test_a_folder_that_cannot_be_written_gives_a_secret_that_ends_with_the_process(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_text("no folder")
    first, second = (token_secret(tmp_path / "state", "") for _ in range(2))
    assert first != second
    assert "PUNTUAL_TOKEN_SECRET" in caplog.text
