"""The folder or bucket of bundles, and the name of the one that is deployed.

<version>.puntual     a bundle            model_to_deploy       the champion's version and digest
<version>.pkl         its estimator       model_to_deploy.pkl   the champion's estimator, for notebooks
<version>.sig         its signatures      promotions/*.json     who followed whom
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from puntual import registry as bundles
from puntual.errors import BundleError, OversizedFileError, RegistryError, StorageError, did_you_mean
from puntual.registry import SUFFIX, Bundle, Manifest, estimators, succession
from puntual.registry.signing import TrustedKeys, sign, signature_name
from puntual.registry.succession import Deployment, Record, read_pointer
from puntual.storage import FileStat, open_store
from puntual.storage.base import LARGEST_NOTE

POINTER = "model_to_deploy"
VERSION = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class ListedBundle:
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
    """Bundles by version in a folder (`models/`) or a bucket (`s3://bucket/prefix`).

    With trusted keys, no bundle that none of them signed is read or becomes champion; any is listed and copied.
    """

    def __init__(self, url: str | Path, *, trusted: TrustedKeys | None = None) -> None:
        self.url = str(url)
        self.store = open_store(url)
        self._trusted = trusted or TrustedKeys()

    def publish(self, bundle: Bundle, estimator: bytes | None = None) -> str:
        """Write a bundle, with its pickled estimator beside it, and return its version.

        Publishing the same bundle again changes nothing, so it may be repeated after a failure. One that is there
        whole keeps its bytes, which a pointer may name by their digest.
        """
        version, content = bundles.to_bytes(bundle)
        if estimator is not None:
            estimators.keep(self.store, version, estimator)
        present = self.store.stat(version + SUFFIX)
        if present != FileStat.of(content) and not self.holds(version):
            self.store.write(version + SUFFIX, content)
        return version

    def names(self) -> list[str]:
        """Name every version, in the order of their digits, whole or broken."""
        names = self.store.names()
        if names is None:
            raise RegistryError(
                f"registry {self.url}: no such folder; train a model first, or name another registry"
            )
        stems = [name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX)]
        return [stem for stem in stems if VERSION.fullmatch(stem)]

    def versions(self) -> list[ListedBundle]:
        """List every bundle, the newest first and those that cannot be read last, each with its reason."""
        champion = self.champion()
        listed = [self._listed(version, champion) for version in self.names()]
        return sorted(listed, key=_age, reverse=True)

    def read(self, which: str | Path | None = None) -> Bundle:
        """Read a bundle by version, by the beginning of one, or from a file; by default the champion.

        Raise RegistryError when it is not there or not the only one, BundleError when it cannot be read or trusted.
        """
        if which is None:
            return self.read_deployed(self.require_champion())
        if _is_file(which):
            return self._require_signed(bundles.read(which), str(which))
        return self._require_signed(self._bundle(self.resolve(str(which))))

    def holds(self, version: str) -> bool:
        """Tell whether a version is there, whole."""
        try:
            content = self.store.read(version + SUFFIX, bundles.LARGEST)
            return content is not None and self._opened(version, content).version == version
        except (BundleError, OversizedFileError):
            return False

    def read_deployed(self, deployment: Deployment) -> Bundle:
        """Read a bundle that a pointer names; raise BundleError unless it is that very file."""
        content = self._content(deployment.version)
        self._refuse_other(deployment, content)
        return self._require_signed(self._opened(deployment.version, content))

    def verify(self, version: str, digest: str) -> None:
        """Raise RegistryError unless a version is there, and BundleError unless it is whole and has this SHA-256."""
        self.read_deployed(Deployment(version, digest))

    def resolve(self, prefix: str) -> str:
        """Complete the beginning of a version; raise RegistryError unless exactly one begins so."""
        names = self.names()
        matching = [version for version in names if version.startswith(prefix)]
        if len(matching) == 1:
            return matching[0]
        if not matching:
            known = did_you_mean(prefix, names) or f"; it holds {', '.join(names) or 'none: train one first'}"
            raise RegistryError(f"version {prefix!r} is not in registry {self.url}{known}")
        raise RegistryError(f"version {prefix!r} is ambiguous: {', '.join(matching)}; give more digits")

    def champion(self) -> str | None:
        """Name the deployed version, or None before the first promotion."""
        deployment = self.deployment()
        return None if deployment is None else deployment.version

    def champions(self) -> set[str]:
        """Name every version that has been champion."""
        return {record.version for record in succession.records(self.store)}

    def deployment(self) -> Deployment | None:
        """Give the deployed version with its digest, or None before the first promotion."""
        content = self.store.read(POINTER, LARGEST_NOTE)
        return None if content is None else read_pointer(content, self.store.where(POINTER))

    def require_champion(self) -> Deployment:
        """Give the deployed version; raise RegistryError before the first promotion."""
        deployment = self.deployment()
        if deployment is None:
            raise RegistryError(f"registry {self.url}: no champion yet; train and promote a model first")
        return deployment

    def set_champion(
        self,
        version: str,
        now: datetime,
        *,
        previous: str | None,
        forced: bool = False,
        failed: Sequence[int] = (),
        by: str | None = None,
    ) -> Deployed:
        """Deploy a version in place of `previous`, the champion that the caller has seen.

        Raise RegistryError when another has become champion since: of two deployments at once, one wins. `now`
        carries a time zone; `failed` are the numbers of the checks that force went past.
        """
        record = Record(
            version=version, previous=previous, at=now, forced=forced, failed=tuple(failed), by=by
        )
        return self._swap(record, self._whole(version))

    def is_writable(self) -> bool:
        """Tell whether another champion could be set here, as far as that is known without trying."""
        return self.store.is_writable()

    def former(self) -> str | None:
        """Name the champion that a rollback would deploy again, or None where there is none."""
        champion = self.champion()
        return None if champion is None else succession.former(succession.records(self.store), champion)

    def rollback(self, now: datetime, *, previous: str | None = None, by: str | None = None) -> Deployed:
        """Deploy the former champion again; a second time goes back one more.

        Raise RegistryError when there is none, or when the champion is not `previous`, where that is given.
        """
        champion = previous or self.require_champion().version
        version = succession.former(succession.records(self.store), champion)
        if version is None:
            raise RegistryError(
                f"registry {self.url}: no champion came before {champion}; promote another version instead"
            )
        record = Record(version=version, previous=champion, at=now, rollback=True, by=by)
        return self._swap(record, self._whole(version))

    def estimator(self, version: str) -> bytes | None:
        """Fetch the pickled estimator of a version as bytes, to be copied and not to be loaded."""
        return estimators.fetch(self.store, version)

    def sign(self, version: str, private_key: bytes) -> None:
        """Sign a version with a private key in PEM, and keep the signatures of other keys.

        Raise SigningKeyError for what is no such key.
        """
        name = signature_name(version)
        with self.store.locked():
            self.store.write(
                name, sign(self._bundle(version), private_key, self.store.read(name, LARGEST_NOTE))
            )

    def deploy_estimator(self) -> bool:
        """Have `model_to_deploy.pkl` hold the champion's estimator; tell whether there is one."""
        with self.store.locked():
            return estimators.deploy(self.store, self.champion)

    def signatures(self, version: str, file: str | None = None) -> bytes | None:
        """Read the signatures of a version of the registry, or of a file; None where there are none."""
        if file is None:
            return self.store.read(signature_name(version), LARGEST_NOTE)
        beside = Path(signature_name(file))
        return beside.read_bytes() if beside.is_file() else None

    def _require_signed(self, bundle: Bundle, file: str | None = None) -> Bundle:
        """Give a bundle of the registry, or of a file, back if it may be trusted."""
        where = self.store.where(signature_name(bundle.version)) if file is None else signature_name(file)
        self._trusted.require_signed(bundle, self.signatures(bundle.version, file), where)
        return bundle

    def _swap(self, record: Record, deployment: Deployment) -> Deployed:
        with self.store.locked():
            seen = self.store.read(POINTER, LARGEST_NOTE)
            self._refuse_meanwhile(record, seen)
            # In this order a kill at any moment leaves a champion, one that can be rolled back, and no pickle
            # of another model.
            name = succession.add(self.store, record)
            self.store.remove(estimators.DEPLOYED)
            swapped = self.store.swap(POINTER, seen, deployment.line())
            if not swapped:
                self.store.remove(name)
            written = estimators.deploy(self.store, self.champion)
            if not swapped:
                self._refuse_meanwhile(record, self.store.read(POINTER, LARGEST_NOTE), sure=True)
        return Deployed(record.version, record.previous, written)

    def _refuse_meanwhile(self, record: Record, seen: bytes | None, *, sure: bool = False) -> None:
        champion = None if seen is None else read_pointer(seen, self.store.where(POINTER)).version
        if sure or champion != record.previous:
            raise RegistryError(
                f"registry {self.url}: the champion is {champion} now, expected {record.previous}: "
                "someone deployed meanwhile; look at it and repeat"
            )

    def _listed(self, version: str, champion: str | None) -> ListedBundle:
        try:
            manifest = self._bundle(version).manifest
        except (BundleError, RegistryError, StorageError) as error:
            return ListedBundle(version, None, str(error), version == champion)
        return ListedBundle(version, manifest, None, version == champion)

    def _bundle(self, version: str) -> Bundle:
        return self._opened(version, self._content(version))

    def _whole(self, version: str) -> Deployment:
        """Describe a bundle that can be read and trusted."""
        content = self._content(version)
        self._require_signed(self._opened(version, content))
        return Deployment(version, _digest(content))

    def _opened(self, version: str, content: bytes) -> Bundle:
        return bundles.from_bytes(content, self.store.where(version + SUFFIX))

    def _content(self, version: str) -> bytes:
        try:
            content = self.store.read(version + SUFFIX, bundles.LARGEST)
        except OversizedFileError as error:
            raise BundleError(f"{error}, or train again") from error
        if content is None:
            self.resolve(version)
            raise RegistryError(f"version {version!r} is not whole; give all of its 16 digits")
        return content

    def _refuse_other(self, deployment: Deployment, content: bytes) -> None:
        digest = _digest(content)
        if deployment.digest not in (None, digest):
            raise BundleError(
                f"{self.store.where(deployment.version + SUFFIX)}: truncated or altered: its {len(content):,} bytes "
                f"have sha256 {digest}, expected {deployment.digest}; push version {deployment.version} again"
            )


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def _is_file(which: str | Path) -> bool:
    return isinstance(which, Path) or which.endswith(SUFFIX) or "/" in which or Path(which).is_file()


def _age(listed: ListedBundle) -> tuple[bool, float, str]:
    created = listed.manifest.created.timestamp() if listed.manifest else 0.0
    return listed.manifest is not None, created, listed.version
