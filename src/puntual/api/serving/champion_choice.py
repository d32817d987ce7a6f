"""Who is champion, who was before, and how a caller who may sets another."""

import logging
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, get, post
from litestar.datastructures import State
from litestar.params import FromPath, QueryParameter
from msgspec import Meta

from puntual.api.auth.guard import KEY_NAME
from puntual.api.auth.rights import Right
from puntual.api.described import WITH_A_KEY, describe_problems
from puntual.api.problems import ProblemError
from puntual.api.serving.serving_model import ServingModel
from puntual.errors import PuntualError, RegistryError, StorageError
from puntual.prediction.loading import load_proven
from puntual.registry import Registry, TrustedKeys
from puntual.settings import Settings

_LOG = logging.getLogger("puntual.service")
InsteadOf = Annotated[
    str,
    QueryParameter(
        description="The champion that the caller has seen: where another is in its place by now, nothing is done.",
        max_length=16,
    ),
]


Obstacle = Literal["key", "bundle", "registry"]


class Succession(msgspec.Struct, frozen=True):
    """The champion of the registry, whom a rollback would put in its place, and whether this caller may change it."""

    champion: str | None
    former: str | None
    may_change: bool
    why_not: Annotated[str | None, Meta(description="Why this caller cannot change it here.")] = None
    obstacle: Annotated[Obstacle | None, Meta(description="What `why_not` speaks of.")] = None


class ChampionSet(msgspec.Struct, frozen=True):
    """The champion that was set, whose place it took, and the model that answers here now."""

    version: str
    previous: str | None
    answers: str | None


_NO_RIGHT: tuple[Obstacle, str] = (
    "key",
    "this takes a key that may promote: puntual keys create NAME --may promote",
)


class ChampionChanges:
    """Sets the champion of the registry that a service follows."""

    def __init__(self, settings: Settings, service: ServingModel) -> None:
        self._service, self._is_fixed = service, bool(settings.bundle)
        self._registry = Registry(settings.registry, trusted=TrustedKeys(settings.trusted_keys))

    def succession(self, *, may: bool) -> Succession:
        """Read who is champion and who was before; raise PuntualError where the registry cannot be read."""
        obstacle, why_not = self._fixed() or ((None, None) if may else _NO_RIGHT)
        champion = None if self._is_fixed else self._registry.champion()
        former = None if champion is None else self._registry.former()
        return Succession(champion, former, obstacle is None, why_not, obstacle)

    async def promote(self, version: str, instead_of: str, key: str) -> ChampionSet:
        """Set a version that passes the numbered checks, and answer with it; raise ProblemError otherwise."""
        # Most workers never promote anything.
        from puntual.registry.promotion import promote

        def change() -> tuple[str, str | None]:
            try:
                resolved = self._registry.resolve(version)
            except RegistryError as error:
                raise ProblemError(HTTPStatus.NOT_FOUND, str(error)) from error
            before = self._registry.champion()
            now, previous = datetime.now(UTC), instead_of or None
            promoted = promote(self._registry, resolved, now, try_out=load_proven, previous=previous, by=key)
            return promoted.version, before

        return await self._change(change, key)

    async def roll_back(self, instead_of: str, key: str) -> ChampionSet:
        """Set the former champion again, and answer with it; raise ProblemError where that cannot be."""

        def change() -> tuple[str, str | None]:
            deployed = self._registry.rollback(datetime.now(UTC), previous=instead_of or None, by=key)
            return deployed.version, deployed.previous

        return await self._change(change, key)

    async def _change(self, change: Any, key: str) -> ChampionSet:
        if fixed := self._fixed():
            raise ProblemError(HTTPStatus.CONFLICT, fixed[1])
        try:
            version, previous = await self._service.apart(change)
        except StorageError as error:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error
        except PuntualError as error:
            raise ProblemError(HTTPStatus.CONFLICT, str(error)) from error
        _LOG.warning("key %s made %s the champion in place of %s", key, version, previous)
        return ChampionSet(version, previous, await self._answering())

    async def _answering(self) -> str | None:
        """Put the new champion in place in this worker; the others follow when they look for it."""
        try:
            await self._service.reload(again=True)
        except PuntualError as error:
            _LOG.error("%s; the former champion goes on", error)
        return None if self._service.batcher is None else self._service.batcher.version

    def _fixed(self) -> tuple[Obstacle, str] | None:
        if self._is_fixed:
            return (
                "bundle",
                "this service answers with the bundle that it was given (--bundle), whoever is champion",
            )
        if not self._registry.is_writable():
            return "registry", f"registry {self._registry.url} cannot be written to from here"
        return None


@get(
    "/models/succession",
    operation_id="getSuccession",
    summary="See who is champion and who was before",
    tags=["models"],
    responses=describe_problems(503),
)
async def get_succession(request: Request[Any, Any, Any], state: State) -> Succession:
    """Say which version is champion, which one a rollback would set again, and whether this caller may change that."""
    changes: ChampionChanges = state.changes
    may = Right.PROMOTE in state.guard.rights(dict(request.scope["headers"]))
    try:
        return await state.service.apart(lambda: changes.succession(may=may))  # type: ignore[no-any-return]
    except PuntualError as error:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error


@post(
    "/models/{version:str}/promote",
    status_code=200,
    operation_id="promoteModel",
    summary="Make a version the champion",
    tags=["models"],
    security=WITH_A_KEY,
    responses=describe_problems(400, 403, 404, 409, 503),
)
async def promote_model(state: State, version: FromPath[str], instead_of: InsteadOf = "") -> ChampionSet:
    """Make a version of the registry, or the only one that begins so, the champion, and answer with it.

    It takes a key that may promote, and a version that passes the numbered checks of `puntual models promote`, whose
    `--force` there is not here. This worker answers with it from then on, and all others within `PUNTUAL_POLL`.
    """
    changes: ChampionChanges = state.changes
    return await changes.promote(version, instead_of, KEY_NAME.get())


@post(
    "/models/rollback",
    status_code=200,
    operation_id="rollBackModel",
    summary="Make the former champion the champion again",
    tags=["models"],
    security=WITH_A_KEY,
    responses=describe_problems(400, 403, 409, 503),
)
async def roll_back_model(state: State, instead_of: InsteadOf = "") -> ChampionSet:
    """Make the former champion the champion again, and answer with it; a second time goes back one more.

    It takes a key that may promote.
    """
    changes: ChampionChanges = state.changes
    return await changes.roll_back(instead_of, KEY_NAME.get())


ROUTES = (get_succession, promote_model, roll_back_model)
