"""A service that had keys stays closed, whatever becomes of them, and says why."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from api.conftest import FLIGHT, running, until
from puntual.api.auth.api_keys import KeyStore
from puntual.api.auth.verifier import Verifier
from puntual.cli import main
from puntual.errors import ApiKeyError

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LOST: dict[str, tuple[Callable[[Path], object], str]] = {
    "revoked": (lambda state: KeyStore(state).revoke("tower"), "holds no key any more"),
    "removed": (lambda state: (state / "keys.json").unlink(), "is gone"),
    "removed with its folder": (shutil.rmtree, "is gone"),
    "damaged": (lambda state: (state / "keys.json").write_text("[{"), "unreadable"),
    "emptied": (lambda state: (state / "keys.json").write_bytes(b""), "unreadable"),
}


def following(state: Path) -> Verifier:
    """A verifier that looks at the file each time."""
    later = iter(range(0, 1000, 2))
    return Verifier(state, clock=lambda: float(next(later)))


@pytest.mark.parametrize("how", LOST)
def test_whatever_becomes_of_the_last_key_the_service_stays_closed_and_says_so(
    tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    state = tmp_path / "state"
    KeyStore(state).create("tower", NOON)
    verifier = following(state)
    assert verifier.requires_key()
    lose, message = LOST[how]
    lose(state)
    assert [verifier.requires_key() for _ in range(3)] == [True] * 3
    assert verifier.check("puntual_anything") is None
    (line,) = (record.getMessage() for record in caplog.records)
    assert message in line
    assert str(state / "keys.json") in line


@pytest.mark.parametrize("how", ["revoked", "removed", "damaged"])
def test_a_service_that_starts_afterwards_is_closed_as_well(tmp_path: Path, how: str) -> None:
    KeyStore(tmp_path).create("tower", NOON)
    LOST[how][0](tmp_path)
    assert Verifier(tmp_path).requires_key()


def test_a_key_that_is_gone_with_its_file_opens_nothing_and_a_new_one_opens(tmp_path: Path) -> None:
    lost = KeyStore(tmp_path).create("tower", NOON)
    verifier = following(tmp_path)
    assert verifier.check(lost) == "tower"
    (tmp_path / "keys.json").unlink()
    assert verifier.check(lost) is None
    found = KeyStore(tmp_path).create("tower", NOON)
    assert (verifier.check(found), verifier.problem) == ("tower", None)


def test_a_folder_that_never_had_a_key_is_open(tmp_path: Path) -> None:
    with pytest.raises(ApiKeyError, match="there are none"):
        KeyStore(tmp_path).revoke("tower")
    assert not Verifier(tmp_path).requires_key()


def test_a_running_service_is_closed_when_its_last_key_goes(bundle_file: Path, tmp_path: Path) -> None:
    KeyStore(tmp_path).create("tower", NOON)
    with running("--bundle", str(bundle_file), "--state", str(tmp_path)) as server:

        def status() -> int:
            return server.client.post("/predict", json={"flights": [FLIGHT]}).status_code

        assert status() == 401
        KeyStore(tmp_path).revoke("tower")
        assert until(lambda: "holds no key any more" in server.messages.read_text() or status() == 200)
        assert status() == 401


def test_making_the_first_key_warns_on_standard_error_and_prints_the_token_alone(tmp_path: Path) -> None:
    first = CliRunner().invoke(main, ["keys", "create", "tower", "--state", str(tmp_path)])
    assert "from now on every request" in first.stderr
    token = first.stdout.removesuffix("\n")
    assert Verifier(tmp_path).check(token) == "tower"
    second = CliRunner().invoke(main, ["keys", "create", "gate", "--state", str(tmp_path)])
    assert "from now on" not in second.stderr


def test_revoking_the_last_key_warns_that_nobody_is_let_in(tmp_path: Path) -> None:
    for name in ("tower", "gate"):
        KeyStore(tmp_path).create(name, NOON)
    revoked = [
        CliRunner().invoke(main, ["keys", "revoke", name, "--state", str(tmp_path)])
        for name in ("tower", "gate")
    ]
    assert ["stays closed" in one.stderr for one in revoked] == [False, True]


def test_no_key_takes_the_name_of_callers_without_one(tmp_path: Path) -> None:
    with pytest.raises(ApiKeyError, match="take another"):
        KeyStore(tmp_path).create("anonymous", NOON)
