"""Where keys are trusted, nothing that none of them signed is served or promoted; without, all is as it was."""

import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from puntual.cli import main
from puntual.errors import BundleError, SigningKeyError
from puntual.registry import Bundle, Registry, TrustedKeys, pull, push
from puntual.registry.signing import make_key, sign

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY, PUBLIC = make_key()
OTHER_KEY, OTHER_PUBLIC = make_key()
Make = Callable[..., Bundle]


@pytest.fixture
def version(tmp_path: Path, make_bundle: Make) -> str:
    """A version in a registry, signed by nobody."""
    return Registry(tmp_path).publish(make_bundle(), b"estimator")


def trusting(place: Path | str, *keys: str) -> Registry:
    return Registry(place, trusted=TrustedKeys(keys))


def puntual(*words: str, trusted: str = "") -> Result:
    return CliRunner().invoke(main, words, env={"PUNTUAL_TRUSTED_KEYS": trusted})


def test_what_nobody_signed_is_neither_read_nor_promoted_where_keys_are_trusted(
    tmp_path: Path, version: str
) -> None:
    registry = trusting(tmp_path, PUBLIC)
    Registry(tmp_path).set_champion(version, NOON, previous=None)
    deployment = registry.require_champion()
    for ask in (
        registry.read,
        lambda: registry.read(version),
        lambda: registry.read(tmp_path / f"{version}.puntual"),
        lambda: registry.read_deployed(deployment),
        lambda: registry.set_champion(version, NOON, previous=version),
    ):
        with pytest.raises(
            BundleError, match=rf"bundle {version}: it is not signed \(.*{version}\.sig\); expected"
        ):
            ask()
    assert [entry.broken for entry in registry.versions()] == [None]


def test_what_a_trusted_key_signed_is_read_and_promoted(tmp_path: Path, version: str) -> None:
    Registry(tmp_path).sign(version, KEY)
    registry = trusting(tmp_path, OTHER_PUBLIC, PUBLIC)
    registry.set_champion(version, NOON, previous=None)
    assert registry.read().version == registry.read(tmp_path / f"{version}.puntual").version == version


def test_the_signature_of_a_strange_key_does_not_count(tmp_path: Path, version: str) -> None:
    Registry(tmp_path).sign(version, OTHER_KEY)
    with pytest.raises(BundleError, match="signed by none of the keys that are trusted"):
        trusting(tmp_path, PUBLIC).read(version)


def test_a_key_more_leaves_the_signatures_of_the_others(tmp_path: Path, version: str) -> None:
    for key in (KEY, OTHER_KEY, KEY):
        Registry(tmp_path).sign(version, key)
    assert len((tmp_path / f"{version}.sig").read_text().splitlines()) == 2
    for public in (PUBLIC, OTHER_PUBLIC):
        assert trusting(tmp_path, public).read(version).version == version


def test_the_signature_of_one_bundle_is_none_of_another(
    tmp_path: Path, version: str, make_bundle: Make
) -> None:
    Registry(tmp_path).sign(version, KEY)
    other = Registry(tmp_path).publish(make_bundle(card="# Other"))
    shutil.copy(tmp_path / f"{version}.sig", tmp_path / f"{other}.sig")
    with pytest.raises(BundleError, match="signed by none"):
        trusting(tmp_path, PUBLIC).read(other)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-3] + "A==\n" if text[-4] != "A" else text[:-4] + "BA==\n",
        lambda text: text.replace("ed25519 ", "none "),
        lambda _: f"ed25519 {PUBLIC} \n",
        lambda _: "\udcff\x00" * 10,
        lambda text: "\n" * 70_000 + text,
        lambda _: "",
    ],
)
def test_a_signature_that_was_altered_does_not_count(
    tmp_path: Path, version: str, change: Callable[[str], str]
) -> None:
    Registry(tmp_path).sign(version, KEY)
    path = tmp_path / f"{version}.sig"
    altered = change(path.read_text())
    assert altered != path.read_text()
    path.write_bytes(altered.encode(errors="surrogateescape"))
    with pytest.raises(BundleError, match="signed by none"):
        trusting(tmp_path, PUBLIC).read(version)


def test_the_same_version_packed_otherwise_keeps_its_signature(make_bundle: Make) -> None:
    assert sign(make_bundle(), KEY) == sign(make_bundle(), KEY) != sign(make_bundle(card="# Other"), KEY)


def test_without_trusted_keys_all_is_as_it_was(tmp_path: Path, version: str) -> None:
    Registry(tmp_path).set_champion(version, NOON, previous=None)
    assert trusting(tmp_path).read().version == version


@pytest.mark.parametrize(
    "key",
    ["", "x", "AAAA", PUBLIC[:-2], PUBLIC + "A", "ñ"],
    ids=["empty", "short", "of no length", "cut", "longer", "no base64"],
)
def test_a_trusted_key_that_is_none_is_named(key: str) -> None:
    with pytest.raises(SigningKeyError, match="no public Ed25519 key"):
        TrustedKeys([PUBLIC, key])


@pytest.mark.parametrize(
    "key", [b"", b"-----BEGIN PRIVATE KEY-----\n", PUBLIC.encode()], ids=["empty", "cut", "public"]
)
def test_a_private_key_that_is_none_is_refused(tmp_path: Path, version: str, key: bytes) -> None:
    with pytest.raises(SigningKeyError, match="expected a private Ed25519 key in PEM"):
        Registry(tmp_path).sign(version, key)
    assert not (tmp_path / f"{version}.sig").exists()


def test_the_signature_is_pushed_and_pulled_with_its_bundle(
    tmp_path: Path, bucket: str, make_bundle: Make
) -> None:
    here, there = Registry(tmp_path / "here"), Registry(tmp_path / "there")
    version = here.publish(make_bundle())
    push(here, Registry(bucket), [version])
    here.sign(version, KEY)
    assert [one.name for one in push(here, Registry(bucket), [version]) if one.sent] == [f"{version}.sig"]
    pull(there, Registry(bucket), [version])
    assert trusting(tmp_path / "there", PUBLIC).read(version).version == version


def test_a_key_is_made_a_version_signed_and_promoted_in_the_terminal(
    tmp_path: Path, made_registry: Path
) -> None:
    registry, key = tmp_path / "models", tmp_path / "signing.pem"
    shutil.copytree(made_registry, registry)
    (entry,) = Registry(registry).versions()
    made = puntual("models", "keygen", str(key))
    public = made.stdout.strip()
    assert (made.exit_code, len(public), key.stat().st_mode & 0o777) == (0, 44, 0o600)
    assert puntual("models", "keygen", str(key)).exit_code == 1
    words = ("--registry", str(registry))
    refused = puntual("models", "promote", entry.version, "--force", *words, trusted=public)
    assert (refused.exit_code, "it is not signed" in refused.output) == (1, True)
    signed = puntual("models", "sign", entry.version[:6], "--key", str(key), *words)
    assert signed.stdout == f"signed {entry.version}\n"
    promoted = puntual("models", "promote", entry.version, *words, trusted=public)
    assert (promoted.exit_code, Registry(registry).champion()) == (0, entry.version), promoted.output


def test_rolling_back_leads_to_nothing_unsigned(tmp_path: Path, version: str, make_bundle: Make) -> None:
    registry = Registry(tmp_path)
    other = registry.publish(make_bundle(card="# Other"))
    registry.sign(other, KEY)
    registry.set_champion(version, NOON, previous=None)
    registry.set_champion(other, NOON, previous=version)
    result = puntual("models", "rollback", "--registry", str(tmp_path), trusted=PUBLIC)
    assert (result.exit_code, "it is not signed" in result.output) == (1, True)
    assert registry.champion() == other


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl")
def test_a_key_of_openssl_signs_too(tmp_path: Path, version: str) -> None:
    """As the guide says: the last 32 bytes of the public key are the key."""
    key = tmp_path / "signing.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
    line = f"openssl pkey -in {key} -pubout -outform DER | tail -c 32 | base64"
    public = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True).stdout.strip()
    Registry(tmp_path).sign(version, key.read_bytes())
    assert trusting(tmp_path, public).read(version).version == version
