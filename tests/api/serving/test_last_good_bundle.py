"""The bundle that answered last is kept whole, and trusted no more than one of the registry."""

import logging
from pathlib import Path

import pytest

from puntual.api.serving.last_good_bundle import LastGoodBundle
from puntual.errors import BundleError
from puntual.registry import Bundle, Registry
from puntual.registry.signing import TrustedKeys, make_key, sign


def test_a_bundle_that_was_kept_is_read_back_and_only_its_owner_can(
    made_bundle: Bundle, tmp_path: Path
) -> None:
    kept = LastGoodBundle(tmp_path / "state")
    registry = Registry(tmp_path / "models")
    assert kept.read(registry) is None
    kept.keep(made_bundle, None)
    bundle = kept.read(registry)
    assert bundle is not None
    assert bundle.version == made_bundle.version
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "state").iterdir()} == {0o600}
    kept.forget()
    assert kept.read(registry) is None


def test_another_bundle_takes_the_place_of_the_former(
    made_bundle: Bundle, other_bundle: Bundle, tmp_path: Path
) -> None:
    kept = LastGoodBundle(tmp_path)
    for bundle in (made_bundle, other_bundle):
        kept.keep(bundle, None)
    bundle = kept.read(Registry(tmp_path / "models"))
    assert bundle is not None
    assert bundle.version == other_bundle.version
    assert len(list(tmp_path.iterdir())) == 1


def test_where_keys_are_trusted_a_kept_bundle_without_their_signature_is_refused(
    made_bundle: Bundle, tmp_path: Path
) -> None:
    private, public = make_key()
    registry = Registry(tmp_path / "models", trusted=TrustedKeys([public]))
    kept = LastGoodBundle(tmp_path)
    kept.keep(made_bundle, None)
    with pytest.raises(BundleError, match="not signed"):
        kept.read(registry)
    kept.keep(made_bundle, sign(made_bundle, private))
    bundle = kept.read(registry)
    assert bundle is not None
    assert bundle.version == made_bundle.version


def test_a_kept_bundle_that_is_damaged_is_refused(made_bundle: Bundle, tmp_path: Path) -> None:
    kept = LastGoodBundle(tmp_path)
    kept.keep(made_bundle, None)
    file = tmp_path / "last_good.puntual"
    file.write_bytes(file.read_bytes()[: -file.stat().st_size // 2])
    with pytest.raises(BundleError):
        kept.read(Registry(tmp_path / "models"))


def test_a_state_folder_that_cannot_be_written_stops_nothing(
    made_bundle: Bundle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_text("where a folder should be")
    with caplog.at_level(logging.WARNING):
        LastGoodBundle(tmp_path / "state").keep(made_bundle, None)
    assert "a worker that dies depends on the registry" in caplog.text
