"""Keys are shown once, kept as hashes, and followed as they come and go."""

import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from puntual.api.auth.api_keys import KeyStore, exported
from puntual.api.auth.rate_limit import RateLimit
from puntual.api.auth.verifier import Verifier
from puntual.errors import ApiKeyError, SettingError

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_a_token_opens_until_it_is_revoked(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    token = store.create("tower", NOON)
    later = iter(range(0, 100, 2))
    verifier = Verifier(tmp_path, clock=lambda: float(next(later)))
    assert verifier.check(token) == "tower"
    assert verifier.check(token + "x") is None
    store.revoke("tower")
    assert verifier.check(token) is None


def test_the_file_holds_no_token_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    token = KeyStore(tmp_path).create("tower", NOON)
    file = tmp_path / "keys.json"
    assert token not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_names_are_taken_once_and_known_when_revoked(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    store.create("tower", NOON)
    with pytest.raises(ApiKeyError, match="exists already"):
        store.create("tower", NOON)
    with pytest.raises(ApiKeyError, match="there are tower"):
        store.revoke("gate")
    with pytest.raises(ApiKeyError, match="letters, digits"):
        store.create("../tower", NOON)


def test_a_damaged_file_leaves_the_keys_as_they_were_and_opens_nothing(tmp_path: Path) -> None:
    token = KeyStore(tmp_path).create("tower", NOON)
    later = iter(range(0, 100, 2))
    verifier = Verifier(tmp_path, clock=lambda: float(next(later)))
    assert verifier.check(token) == "tower"
    (tmp_path / "keys.json").write_text("[{")
    assert verifier.check(token) == "tower"
    assert verifier.problem is not None
    assert Verifier(tmp_path).requires_key()


def test_two_processes_at_once_lose_no_key(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from datetime import datetime, UTC;"
        "from puntual.api.auth.api_keys import KeyStore;"
        "[KeyStore(Path(sys.argv[1])).create(f'{sys.argv[2]}{n}', datetime.now(UTC)) for n in range(10)]"
    )
    both = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name]) for name in "ab"]
    assert [process.wait(timeout=60) for process in both] == [0, 0]
    assert len(KeyStore(tmp_path).all()) == 20


def test_exported_keys_open_elsewhere_beside_those_of_the_folder(tmp_path: Path) -> None:
    tower, gate = KeyStore(tmp_path / "here").create("tower", NOON), KeyStore(tmp_path).create("gate", NOON)
    setting = exported(KeyStore(tmp_path / "here").all())
    assert tower not in setting
    assert "\n" not in setting
    verifier = Verifier(tmp_path, setting)
    assert [verifier.check(token) for token in (tower, gate, "puntual_")] == ["tower", "gate", None]
    alone = Verifier(tmp_path / "none", setting)
    assert alone.requires_key()
    assert (alone.check(tower), alone.check(gate)) == ("tower", None)


DIGEST = "0123456789abcdef" * 4
DAMAGED = {
    "no list": DIGEST,
    "cut off": '[{"name": "tower"',
    "a token": '[{"name": "tower", "digest": "puntual_abc", "created": "2026-01-01T12:00:00Z"}]',
    "no name": f'[{{"name": "../tower", "digest": "{DIGEST}", "created": "2026-01-01T12:00:00Z"}}]',
    "no time": f'[{{"name": "tower", "digest": "{DIGEST}", "created": "noon"}}]',
    "no text": "[\udcff]",
}


@pytest.mark.parametrize("setting", DAMAGED.values(), ids=DAMAGED)
def test_keys_of_the_environment_that_are_none_are_refused_without_being_shown(
    tmp_path: Path, setting: str
) -> None:
    with pytest.raises(SettingError, match=r"PUNTUAL_KEYS holds no keys.*keys export") as refused:
        Verifier(tmp_path, setting)
    assert not any(secret in str(refused.value) for secret in (DIGEST, "puntual_abc"))


@given(
    st.floats(0.1, 50),
    st.integers(1, 20),
    st.lists(st.floats(0, 3), min_size=1, max_size=80),
)
def test_no_caller_exceeds_its_burst_and_rate(rate: float, burst: int, pauses: list[float]) -> None:
    limit, now, allowed = RateLimit(rate, burst), 0.0, 0
    for pause in pauses:
        now += pause
        allowed += limit.take("tower", now) == 0
    assert allowed <= burst + rate * sum(pauses[1:]) + 1e-6
