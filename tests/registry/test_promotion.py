"""A challenger passes the gate, or the bundle remembers that it was forced past it."""

from datetime import UTC, datetime
from functools import partial

import msgspec
import pytest

from puntual.errors import BundleError, GateRefusedError, RegistryError
from puntual.evaluation import Measure
from puntual.registry import Registry
from puntual.registry.promotion import promote as promote_tried

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
# What a bundle answers is for tests/prediction/test_questions.py.
promote = partial(promote_tried, try_out=lambda _: None)


@pytest.fixture
def registry(tmp_path):
    return Registry(tmp_path)


@pytest.fixture
def passing(registry, make_bundle):
    return registry.publish(make_bundle(card="# Passing"), b"estimator that passes")


@pytest.fixture
def failing(registry, make_bundle, make_evidence):
    """Fails check 5 (a golden feature) and check 7 (no digest of the data)."""
    evidence = make_evidence(feature_auc={"dep_time": 0.97}, data_digest=None)
    return registry.publish(make_bundle(card="# Failing", evidence=evidence), b"estimator that fails")


def test_a_challenger_that_passes_becomes_champion_as_it_is(registry, passing, tmp_path):
    promoted = promote(registry, passing, NOON)
    assert (promoted.version, promoted.forced, promoted.already) == (passing, False, False)
    assert promoted.pickle_written
    assert [finding.number for finding in promoted.findings if finding.passed] == [1, 2, 3, 4, 5, 6, 7]
    assert registry.champion() == passing
    assert (tmp_path / "model_to_deploy.pkl").read_bytes() == b"estimator that passes"


def test_a_challenger_that_fails_is_refused_with_number_and_reason(registry, failing):
    with pytest.raises(GateRefusedError, match=r"(?s)check 5 FAILED: .*'dep_time' 0\.970.*check 7 FAILED: "):
        promote(registry, failing, NOON)
    assert registry.champion() is None


def test_force_publishes_a_bundle_that_remembers_what_it_failed(registry, failing, tmp_path):
    promoted = promote(registry, failing, NOON, force=True)
    assert promoted.forced and promoted.version != failing
    champion = registry.read()
    assert (champion.version, champion.manifest.parent) == (promoted.version, failing)
    remembered = champion.manifest.promotion
    assert remembered is not None and remembered.forced and remembered.at == NOON
    assert [check.number for check in remembered.failed] == [5, 7]
    assert "dep_time" in remembered.failed[0].reason
    assert (tmp_path / "model_to_deploy.pkl").read_bytes() == b"estimator that fails"


def test_force_changes_nothing_else_in_the_bundle(registry, failing):
    promote(registry, failing, NOON, force=True)
    champion, original = registry.read(), registry.read(failing)
    assert champion.experts == original.experts and champion.card == original.card
    assert msgspec.structs.replace(champion.manifest, promotion=None, parent=None) == original.manifest


def test_a_challenger_that_passes_needs_no_force(registry, passing):
    promoted = promote(registry, passing, NOON, force=True)
    assert (promoted.version, promoted.forced) == (passing, False)
    assert registry.read().manifest.promotion is None


def test_promoting_the_champion_again_does_nothing_and_says_so(registry, passing, tmp_path):
    promote(registry, passing, NOON)
    assert promote(registry, passing[:8], NOON).already
    assert len(list((tmp_path / "promotions").iterdir())) == 1


def test_a_forced_bundle_that_returns_by_force_is_not_copied_again(registry, failing, make_bundle):
    forced = promote(registry, failing, NOON, force=True).version
    registry.set_champion(failing, NOON, previous=forced)
    registry.set_champion(forced, NOON, previous=failing)
    before = {entry.version for entry in registry.versions()}
    other = registry.publish(make_bundle(card="# Other"))
    registry.set_champion(other, NOON, previous=forced)
    again = promote(registry, forced, NOON, force=True)
    # Now that there is another champion, it also fails the comparison with it, which is worth a new record.
    assert [finding.number for finding in again.findings if not finding.passed] == [2, 5, 7]
    assert again.version not in before
    registry.rollback(NOON)
    assert promote(registry, again.version, NOON, force=True).version == again.version


def test_a_challenger_must_have_been_compared_with_the_champion(
    registry, passing, make_bundle, make_evidence
):
    promote(registry, passing, NOON)
    better = Measure(-0.02, -0.03, -0.01)
    evidence = make_evidence(champion_version=passing, champion_difference=better)
    compared = registry.publish(make_bundle(card="# Compared", evidence=evidence))
    strange = registry.publish(make_bundle(card="# Strange"))
    with pytest.raises(GateRefusedError, match="check 2"):
        promote(registry, strange, NOON)
    promoted = promote(registry, compared, NOON)
    assert promoted.version == registry.champion() == compared
    assert not promoted.pickle_written


def test_a_forced_champion_can_be_rolled_back(registry, passing, failing):
    promote(registry, passing, NOON)
    promote(registry, failing, NOON, force=True)
    assert registry.rollback(NOON).version == passing


def test_an_unknown_version_is_refused(registry, passing):
    with pytest.raises(RegistryError, match=f"it holds {passing}"):
        promote(registry, "zz", NOON)


def test_a_promotion_killed_late_and_repeated_ends_with_the_estimator_in_place(registry, passing, tmp_path):
    """As after a kill between the pointer and the estimator, and after one that left another's estimator."""
    promote(registry, passing, NOON)
    for left in (None, b"estimator of another"):
        (tmp_path / "model_to_deploy.pkl").unlink()
        if left is not None:
            (tmp_path / "model_to_deploy.pkl").write_bytes(left)
        promoted = promote(registry, passing, NOON)
        assert (promoted.already, promoted.pickle_written) == (True, True)
        assert (tmp_path / "model_to_deploy.pkl").read_bytes() == b"estimator that passes"
    assert len(list((tmp_path / "promotions").iterdir())) == 1


def test_a_promotion_killed_at_any_write_and_repeated_is_whole(registry, passing, tmp_path, monkeypatch):
    """The first write, then the second and so on, is where the process ends."""
    write, kills = type(registry.store)._write, 0
    for survived in range(9):
        left = survived

        def killed(store, name, content, **options):
            nonlocal left
            left -= 1
            if left < 0:
                raise KeyboardInterrupt
            write(store, name, content, **options)

        with monkeypatch.context() as patch:
            patch.setattr(type(registry.store), "_write", killed)
            try:
                promote(registry, passing, NOON)
            except KeyboardInterrupt:
                kills += 1
        promote(registry, passing, NOON)
        assert (tmp_path / "model_to_deploy.pkl").read_bytes() == b"estimator that passes"
        assert registry.champion() == passing
        for name in ("model_to_deploy", "model_to_deploy.pkl"):
            (tmp_path / name).unlink()
    assert kills == 3


def test_a_bundle_that_does_not_answer_as_it_should_is_not_promoted(registry, passing):
    def refuse(bundle):
        raise BundleError(f"bundle {bundle.version}: it answers otherwise")

    with pytest.raises(BundleError, match=f"{passing}: it answers otherwise"):
        promote_tried(registry, passing, NOON, try_out=refuse, force=True)
    assert registry.champion() is None
