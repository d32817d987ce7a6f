"""Where a worker's champion comes from: the registry, the settings, or what answered last."""

import logging
from pathlib import Path

from puntual.api.serving.last_good_bundle import LastGoodBundle
from puntual.errors import BundleError, PuntualError, RegistryError
from puntual.prediction.loading import load_proven
from puntual.prediction.predictor import Predictor
from puntual.registry import Bundle, Deployment, Registry, TrustedKeys
from puntual.registry.registry import ListedBundle
from puntual.settings import Settings

_LOG = logging.getLogger("puntual.service")


class ChampionBundles:
    """Reads the bundles of one worker, each proven, and keeps the last good one for a replacement.

    All of it waits for the registry, and raises PuntualError where that cannot be read or holds what is bad.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._registry = Registry(settings.registry, trusted=TrustedKeys(settings.trusted_keys))
        self._last_good = LastGoodBundle(Path(settings.state))
        self._refused: Deployment | None = None

    def first(self) -> Predictor | None:
        """Load the bundle to begin with; None where the registry has no champion yet."""
        if not self._settings.bundle and self._registry.champion() is None:
            return None
        return self._loaded(self._registry.read(self._settings.bundle or None))

    def shadow(self) -> Predictor | None:
        """Load the shadow; None where none is wanted."""
        return load_proven(self._registry.read(self._settings.shadow)) if self._settings.shadow else None

    def last_good(self) -> Predictor | None:
        """Load what answered last, for the replacement of a worker; None where nothing did, or it is bad."""
        try:
            bundle = self._last_good.read(self._registry)
            if bundle is None:
                return None
            predictor = load_proven(bundle)
        except PuntualError as error:
            _LOG.error("%s; a replaced worker has no model", error)
            return None
        _LOG.warning("a replaced worker goes on with %s, which answered last", bundle.version)
        return predictor

    def wanted(self, answering: str | None) -> Deployment | None:
        """Find the registry's champion; None where it is the version that answers, or was refused."""
        if self._settings.bundle:
            return None
        now = self._registry.deployment()
        if now is None and answering is not None:
            raise RegistryError(
                f"registry {self._settings.registry}: its champion is gone, expected one; "
                "put the registry back, or promote a version"
            )
        if now is None or now == self._refused:
            return None
        self._refused = None
        return None if now.version == answering else now

    def read(self, wanted: Deployment) -> Predictor:
        """Load a deployed bundle; one that is bad is refused from now on."""
        try:
            return self._loaded(self._registry.read_deployed(wanted))
        except BundleError:
            self._refused = wanted
            raise

    def forgive(self) -> None:
        """Read again what was refused."""
        self._refused = None

    def content(self, version: str) -> Bundle:
        """Read a bundle again, with the content that a predictor does not hold."""
        return self._registry.read(self._settings.bundle or version)

    def versions(self) -> list[ListedBundle]:
        """List the bundles of the registry."""
        return self._registry.versions()

    def _loaded(self, bundle: Bundle) -> Predictor:
        predictor = load_proven(bundle)
        # One worker alone is replaced by nobody, and packing a bundle takes a tenth of its start.
        if self._settings.workers > 1:
            self._last_good.keep(bundle, self._registry.signatures(bundle.version))
        return predictor
