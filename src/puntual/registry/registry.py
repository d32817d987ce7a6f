"""The folder or bucket of bundles, and the name of the one that is deployed.

    <version>.puntual     a bundle            model_to_deploy       the champion's version
    <version>.pkl         its estimator       model_to_deploy.pkl   the champion's estimator, for notebooks
    promotions/*.json     who followed whom

Bytes that end in `.pkl` are copied and never read.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from puntual import bundle as bundles
from puntual.bundle import SUFFIX, Bundle, Manifest
from puntual.errors import BadBundle, BadRegistry, did_you_mean
from puntual.registry import succession
from puntual.registry.store import Store
from puntual.registry.succession import Record

POINTER = "model_to_deploy"
PICKLE = "model_to_deploy.pkl"
VERSION = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Listed:
    """A bundle as a list shows it: its manifest, or the reason why it cannot be read."""

    version: str
    manifest: Manifest | None
    broken: str | None
    champion: bool


@dataclass(frozen=True)
class Deployed:
    """A change of champion; `pickle_written` is false where no estimator was published to deploy."""

    version: str
    previous: str | None
    pickle_written: bool


class Registry:
    """Bundles by version under a folder (`models/`) or any URL that fsspec knows (`s3://bucket/prefix`)."""

    def __init__(self, url: str | Path) -> None:
        self.url = str(url)
        self._store = Store(url)

    def publish(self, bundle: Bundle, estimator: bytes | None = None) -> str:
        """Write a bundle, with its pickled estimator beside it, and return its version.

        Publishing the same bundle again changes nothing, so it may be repeated after a failure.
        """
        version, content = bundles.to_bytes(bundle)
        if estimator is not None:
            self._store.write(f"{version}.pkl", estimator)
        if self._store.read(version + SUFFIX) != content:
            self._store.write(version + SUFFIX, content)
        return version

    def versions(self) -> list[Listed]:
        """List every bundle, the newest first and those that cannot be read last, each with its reason."""
        champion = self._pointer()
        listed = [self._listed(version, champion) for version in self._names()]
        return sorted(listed, key=_age, reverse=True)

    def read(self, which: str | Path | None = None) -> Bundle:
        """Read a bundle by version, by the beginning of one, or from a file; by default the champion.

        Raise BadRegistry when it is not there or not the only one, BadBundle when it cannot be read.
        """
        if which is None:
            return self._bundle(self._require_champion())
        if _is_file(which):
            return bundles.read(which)
        return self._bundle(self.resolve(str(which)))

    def resolve(self, prefix: str) -> str:
        """Complete the beginning of a version; raise BadRegistry unless exactly one begins so."""
        names = self._names()
        found = [version for version in names if version.startswith(prefix)]
        if len(found) == 1:
            return found[0]
        if not found:
            known = did_you_mean(prefix, names) or f"; it holds {', '.join(names) or 'none: train one first'}"
            raise BadRegistry(f"version {prefix!r} is not in registry {self.url}{known}")
        raise BadRegistry(f"version {prefix!r} is ambiguous: {', '.join(found)}; give more digits")

    def champion(self) -> str | None:
        """Name the deployed version, or None before the first promotion."""
        return self._pointer()

    def set_champion(
        self,
        version: str,
        now: datetime,
        *,
        previous: str | None,
        forced: bool = False,
        failed: Sequence[int] = (),
    ) -> Deployed:
        """Deploy a version in place of `previous`, the champion that the caller has seen.

        Raise BadRegistry when another has become champion since: of two deployments at once, one wins. `now`
        carries a time zone; `failed` are the numbers of the checks that force went past.
        """
        self._bundle(version)
        record = Record(version=version, previous=previous, at=now, forced=forced, failed=tuple(failed))
        return self._swap(record)

    def rollback(self, now: datetime) -> Deployed:
        """Deploy the former champion again; a second time goes back one more."""
        champion = self._require_champion()
        version = succession.former(succession.records(self._store), champion)
        if version is None:
            raise BadRegistry(
                f"registry {self.url}: no champion came before {champion}; promote another version instead"
            )
        self._bundle(version)
        return self._swap(Record(version=version, previous=champion, at=now, rollback=True))

    def estimator(self, version: str) -> bytes | None:
        """Fetch the pickled estimator of a version as bytes, to be copied and not to be loaded."""
        return self._store.read(f"{version}.pkl")

    def _swap(self, record: Record) -> Deployed:
        with self._store.locked():
            found = self._pointer()
            if found != record.previous:
                raise BadRegistry(
                    f"registry {self.url}: the champion is {found} now, expected {record.previous}: "
                    "someone deployed meanwhile; look at it and repeat"
                )
            # In this order a kill at any moment leaves a champion, one that can be rolled back, and no pickle
            # of another model.
            succession.add(self._store, record)
            self._store.remove(PICKLE)
            self._store.write(POINTER, f"{record.version}\n".encode())
            written = self._deploy_pickle(record.version)
        return Deployed(record.version, record.previous, written)

    def _deploy_pickle(self, version: str) -> bool:
        estimator = self.estimator(version)
        if estimator is not None:
            self._store.write(PICKLE, estimator)
        return estimator is not None

    def _listed(self, version: str, champion: str | None) -> Listed:
        try:
            manifest = self._bundle(version).manifest
        except (BadBundle, BadRegistry) as error:
            return Listed(version, None, str(error), version == champion)
        return Listed(version, manifest, None, version == champion)

    def _bundle(self, version: str) -> Bundle:
        content = self._store.read(version + SUFFIX)
        if content is None:
            self.resolve(version)
            raise BadRegistry(f"version {version!r} is not whole; give all of its 16 digits")
        return bundles.from_bytes(content, self._store.where(version + SUFFIX))

    def _names(self) -> list[str]:
        names = self._store.names()
        if names is None:
            raise BadRegistry(
                f"registry {self.url}: no such folder; train a model first, or name another registry"
            )
        stems = [name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX)]
        return [stem for stem in stems if VERSION.fullmatch(stem)]

    def _pointer(self) -> str | None:
        content = self._store.read(POINTER)
        if content is None:
            return None
        version = content.decode(errors="replace").strip()
        if not VERSION.fullmatch(version):
            raise BadRegistry(
                f"{self._store.where(POINTER)}: names {version!r}, expected a version of 16 hexadecimal "
                "digits; promote one"
            )
        return version

    def _require_champion(self) -> str:
        champion = self._pointer()
        if champion is None:
            raise BadRegistry(f"registry {self.url}: no champion yet; train and promote a model first")
        return champion


def _is_file(which: str | Path) -> bool:
    return isinstance(which, Path) or which.endswith(SUFFIX) or "/" in which or Path(which).is_file()


def _age(listed: Listed) -> tuple[bool, float, str]:
    created = listed.manifest.created.timestamp() if listed.manifest else 0.0
    return listed.manifest is not None, created, listed.version
