"""A registry names one whole champion at every moment, whoever writes or is killed meanwhile."""

import hashlib
import io
import os
import signal
import subprocess
import sys
import time
import uuid
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from puntual.errors import BundleError, RegistryError, StorageError
from puntual.registry import SUFFIX, Deployment, Registry, to_bytes

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(params=["folder", "bucket"])
def registry(request, tmp_path):
    if request.param == "bucket":
        return Registry(f"{request.getfixturevalue('bucket')}/models")
    return Registry(tmp_path / "models")


@pytest.fixture(params=["folder", "bucket"])
def shared(request, tmp_path):
    """A registry that other processes can reach too."""
    return Registry(tmp_path if request.param == "folder" else request.getfixturevalue("bucket"))


@pytest.fixture
def folder(tmp_path):
    return Registry(tmp_path)


@pytest.fixture
def publish(make_bundle):
    def publish(registry, card, estimator=None, **fields):
        return registry.publish(make_bundle(card=card, **fields), estimator)

    return publish


def deploy(registry, version, now=NOON):
    return registry.set_champion(version, now, previous=registry.champion())


def test_a_published_bundle_is_read_by_version_by_prefix_and_as_champion(registry, publish):
    version = publish(registry, "# One")
    deploy(registry, version)
    assert registry.champion() == version
    assert [registry.read(which).card for which in (version, version[:6], None)] == ["# One"] * 3


def test_a_bundle_is_read_from_a_file(folder, make_bundle, tmp_path):
    path = tmp_path / "sent-by-mail.puntual"
    path.write_bytes(to_bytes(make_bundle(card="# Sent"))[1])
    assert folder.read(path).card == folder.read(str(path)).card == "# Sent"


def test_publishing_twice_changes_nothing(folder, publish, tmp_path):
    version = publish(folder, "# One", b"estimator")
    before = (tmp_path / f"{version}.puntual").stat().st_mtime_ns
    assert publish(folder, "# One", b"estimator") == version
    assert (tmp_path / f"{version}.puntual").stat().st_mtime_ns == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{version}.pkl", f"{version}.puntual"]


def test_a_bundle_that_is_there_whole_keeps_its_bytes(registry, publish):
    version = publish(registry, "# One")
    content = repacked(registry.store.read(f"{version}.puntual"))
    registry.store.write(f"{version}.puntual", content)
    assert publish(registry, "# One") == version
    assert registry.store.read(f"{version}.puntual") == content


def repacked(content):
    """Pack the members of a bundle with another compression, as another version of zlib would."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(packed, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        new.comment = old.comment
    assert packed.getvalue() != content
    return packed.getvalue()


def test_publishing_mends_a_broken_file(folder, publish, tmp_path):
    version = publish(folder, "# One")
    (tmp_path / f"{version}.puntual").write_bytes(b"half")
    publish(folder, "# One")
    assert folder.read(version).card == "# One"


def test_the_list_is_newest_first_and_tells_what_is_broken(folder, publish, tmp_path):
    old = publish(folder, "# Old", created=NOON)
    new = publish(folder, "# New", created=NOON + timedelta(days=1))
    (tmp_path / f"{'0' * 16}.puntual").write_bytes(b"half a bundle")
    deploy(folder, old)
    listed = folder.versions()
    assert [entry.version for entry in listed] == [new, old, "0" * 16]
    assert [entry.champion for entry in listed] == [False, True, False]
    assert listed[0].manifest is not None and listed[0].manifest.created == NOON + timedelta(days=1)
    assert listed[2].manifest is None and "no bundle at all" in listed[2].broken


def test_an_empty_list_is_no_error_but_a_missing_folder_is(tmp_path):
    assert Registry(tmp_path).versions() == []
    with pytest.raises(RegistryError, match="no such folder; train a model first"):
        Registry(tmp_path / "none").versions()


def test_without_a_champion_the_remedy_is_to_promote(registry, publish):
    publish(registry, "# One")
    assert registry.champion() is None
    for ask in (registry.read, lambda: registry.rollback(NOON)):
        with pytest.raises(RegistryError, match="no champion yet; train and promote"):
            ask()


def test_an_unknown_version_suggests_or_lists(folder, publish):
    version = publish(folder, "# One")
    with pytest.raises(RegistryError, match=f"did you mean '{version}'"):
        folder.read(version[:-1] + "x")
    with pytest.raises(RegistryError, match=f"it holds {version}"):
        folder.read("zz")
    with pytest.raises(RegistryError, match="is not in registry"):
        deploy(folder, "0" * 16)


def test_a_prefix_of_two_versions_is_ambiguous(folder, publish):
    one, other = sorted([publish(folder, "# One"), publish(folder, "# Other")])
    with pytest.raises(RegistryError, match=f"ambiguous: {one}, {other}; give more digits"):
        folder.read("")


def test_a_broken_bundle_does_not_become_champion(folder, publish, tmp_path):
    version = publish(folder, "# One")
    (tmp_path / f"{version}{SUFFIX}").write_bytes(b"half")
    with pytest.raises(BundleError):
        deploy(folder, version)
    assert folder.champion() is None


def test_rolling_back_twice_goes_back_two_and_no_further(registry, publish):
    one, two, three = (publish(registry, f"# {number}") for number in (1, 2, 3))
    for version in (one, two, three):
        deploy(registry, version)
    assert [registry.rollback(NOON).version for _ in range(2)] == [two, one]
    assert registry.champion() == one
    with pytest.raises(RegistryError, match=f"no champion came before {one}"):
        registry.rollback(NOON)


def test_a_rollback_after_a_rollback_and_a_promotion_returns_to_the_one_before(registry, publish):
    one, two, three = (publish(registry, f"# {number}") for number in (1, 2, 3))
    deploy(registry, one)
    deploy(registry, two)
    registry.rollback(NOON)
    deploy(registry, three)
    assert registry.rollback(NOON).version == one


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=12))
def test_promotions_and_rollbacks_are_a_stack_whatever_the_clock_says(publish, tmp_path, steps):
    registry = Registry(tmp_path / uuid.uuid4().hex)
    versions = [publish(registry, f"# {number}") for number in (1, 2, 3)]
    deploy(registry, versions[0])
    stack = [versions[0]]
    for step, (promotes, hours) in enumerate(steps):
        now = NOON - timedelta(hours=hours)
        if promotes:
            stack.append([version for version in versions if version != stack[-1]][step % 2])
            deploy(registry, stack[-1], now)
        elif len(stack) > 1:
            stack.pop()
            assert registry.rollback(now).version == stack[-1]
        assert registry.champion() == stack[-1]


def test_a_record_without_its_swap_is_passed_over(folder, publish, tmp_path):
    """As after a kill between the record and the pointer."""
    one, two, three = (publish(folder, f"# {number}") for number in (1, 2, 3))
    deploy(folder, one)
    deploy(folder, two)
    (tmp_path / "model_to_deploy").write_text(f"{one}\n")
    deploy(folder, three)
    assert folder.rollback(NOON).version == one


def test_the_champion_is_swapped_only_if_it_is_the_one_that_was_seen(registry, publish):
    one, two = publish(registry, "# 1"), publish(registry, "# 2")
    deploy(registry, one)
    with pytest.raises(RegistryError, match=f"the champion is {one} now, expected None: someone deployed"):
        registry.set_champion(two, NOON, previous=None)
    assert registry.champion() == one


def test_the_estimator_is_copied_and_a_stale_one_removed(folder, publish, tmp_path):
    one, two = publish(folder, "# 1", b"estimator of one"), publish(folder, "# 2")
    assert deploy(folder, one).pickle_written
    assert (tmp_path / "model_to_deploy.pkl").read_bytes() == b"estimator of one"
    assert not deploy(folder, two).pickle_written
    assert not (tmp_path / "model_to_deploy.pkl").exists()
    folder.rollback(NOON)
    assert (tmp_path / "model_to_deploy.pkl").read_bytes() == b"estimator of one"


def test_the_pointer_is_one_line_of_the_version_and_the_digest_of_its_file(folder, publish, tmp_path):
    version = publish(folder, "# 1")
    deploy(folder, version)
    digest = hashlib.sha256((tmp_path / f"{version}.puntual").read_bytes()).hexdigest()
    assert (tmp_path / "model_to_deploy").read_text() == f"{version} sha256:{digest}\n"
    assert folder.deployment() == Deployment(version, digest)
    folder.verify(version, digest)
    (tmp_path / "model_to_deploy").write_text(f"{version}\n")
    assert (folder.deployment(), folder.read().card) == (Deployment(version, None), "# 1")
    (tmp_path / "model_to_deploy").write_text(f"{version} sha256:{digest[1:]}\n")
    with pytest.raises(RegistryError, match="64 of its bundle's file; promote one"):
        folder.champion()
    (tmp_path / "model_to_deploy").write_text("latest\n")
    with pytest.raises(RegistryError, match="names 'latest', expected a version"):
        folder.champion()


def test_a_bundle_that_is_not_the_file_that_the_pointer_names_is_refused(registry, publish):
    one, other = publish(registry, "# 1"), publish(registry, "# 2")
    deploy(registry, one)
    digest = registry.deployment().digest
    registry.store.write("model_to_deploy", f"{other} sha256:{digest}\n".encode())
    for ask in (registry.read, lambda: registry.verify(other, digest)):
        with pytest.raises(BundleError, match=f"{other}.puntual: truncated or altered: .* expected {digest}"):
            ask()


def test_an_unreadable_record_is_named(folder, publish, tmp_path):
    deploy(folder, publish(folder, "# 1"))
    (record,) = (tmp_path / "promotions").iterdir()
    record.write_bytes(b"{")
    with pytest.raises(RegistryError, match=rf"{record.name}: unreadable record"):
        folder.rollback(NOON)


def test_a_registry_that_is_a_file_is_told_so(publish, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageError, match=r"file/.*puntual: .*(folder|in its place)"):
        publish(Registry(tmp_path / "file"), "# 1")


def test_a_protocol_that_nobody_knows_is_told_so():
    with pytest.raises(StorageError, match="'gopher://models'"):
        Registry("gopher://models")


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are POSIX")
def test_a_full_disk_is_named_and_leaves_no_half_bundle(folder, publish, tmp_path):
    version = publish(folder, "# 1")
    code = """
import resource, sys
from puntual.errors import StorageError
from puntual.registry import Registry
registry = Registry(sys.argv[1])
bundle = registry.read(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    Registry(sys.argv[1] + "/other").publish(bundle)
except StorageError as error:
    print(error)
"""
    output = run(code, tmp_path, version)
    assert f"{version}.puntual" in output and "file too large; name a place that takes larger files" in output
    assert list((tmp_path / "other").iterdir()) == []


def test_of_many_processes_that_promote_at_once_one_wins_each_round(shared, publish):
    versions = [publish(shared, f"# {number}", f"estimator {number}".encode()) for number in range(4)]
    code = """
import sys
from datetime import UTC, datetime
from puntual.errors import RegistryError
from puntual.registry import Registry
registry = Registry(sys.argv[1])
print(registry.champion(), flush=True)
for previous in sys.stdin:
    try:
        registry.set_champion(sys.argv[2], datetime.now(UTC), previous=previous.strip() or None)
        print("won", sys.argv[2], flush=True)
    except RegistryError as error:
        print(error, flush=True)
"""
    racers = [start(code, shared.url, version) for version in versions]
    assert [racer.stdout.readline() for racer in racers] == ["None\n"] * 4
    for turn in range(3):
        former = shared.champion()
        # Whoever is champion already would only take its own place.
        running = [racer for racer, version in zip(racers, versions, strict=True) if version != former]
        for racer in running:
            racer.stdin.write(f"{former or ''}\n")
            racer.stdin.flush()
        output = sorted(racer.stdout.readline().strip() for racer in running)
        champion = shared.champion()
        lost = f"registry {shared.url}: the champion is {champion} now, expected {former}: someone deployed meanwhile"
        assert output == [*[f"{lost}; look at it and repeat"] * (len(running) - 1), f"won {champion}"]
        estimator = f"estimator {versions.index(champion)}".encode()
        assert shared.store.read("model_to_deploy.pkl") == estimator
        assert len(shared.store.names("promotions")) == turn + 1
        if former is not None:
            assert former_of(shared) == former
    for racer in racers:
        racer.communicate(timeout=60)


def former_of(registry):
    """Tell whom the champion followed, and leave it in its place."""
    champion = registry.champion()
    former = registry.rollback(NOON).version
    deploy(registry, champion)
    for name in registry.store.names("promotions")[-2:]:
        registry.store.remove(f"promotions/{name}")
    return former


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
def test_a_writer_killed_at_any_moment_leaves_a_whole_registry(shared, publish):
    versions = [publish(shared, f"# {number}", f"estimator {number}".encode()) for number in range(2)]
    deploy(shared, versions[0])
    code = """
import itertools, sys
from datetime import UTC, datetime
from puntual.registry import Registry
registry = Registry(sys.argv[1])
bundles = [(version, registry.read(version), registry.estimator(version)) for version in sys.argv[2:]]
print("ready", flush=True)
for version, bundle, estimator in itertools.cycle(bundles):
    registry.publish(bundle, estimator)
    registry.set_champion(version, datetime.now(UTC), previous=registry.champion())
"""
    for pause in (0.003, 0.011, 0.023, 0.05, 0.11):
        writer = start(code, shared.url, *versions)
        assert writer.stdout.readline() == "ready\n"
        time.sleep(pause)
        os.kill(writer.pid, signal.SIGKILL)
        writer.communicate(timeout=60)
        champion = shared.champion()
        assert champion in versions
        assert shared.read().card == f"# {versions.index(champion)}"
        assert [entry.broken for entry in shared.versions()] == [None, None]
        estimator = f"estimator {versions.index(champion)}".encode()
        assert shared.store.read("model_to_deploy.pkl") in (None, estimator)
    deploy(shared, versions[0])
    deploy(shared, versions[1])
    assert shared.rollback(NOON).version == versions[0]


def start(code, *arguments):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def run(code, *arguments):
    return start(code, *arguments).communicate(timeout=60)[0]
