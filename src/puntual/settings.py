"""The settings of the service, and the only reader of the environment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from puntual.errors import SettingError, did_you_mean

PREFIX = "PUNTUAL_"
_HIDDEN = "***"
_SECRET = {"secret": True}
_LISTS = frozenset({"cors_origins", "trusted_keys"})
# Read by the commands that call a service, not by the service.
_ELSEWHERE = frozenset({"PUNTUAL_API_KEY"})


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How the service runs: each field is the setting `PUNTUAL_` and its name in capitals."""

    registry: Annotated[str, Meta(description="Folder or URL of bundles.")] = "models"
    bundle: Annotated[str, Meta(description="Version or file to serve instead of the champion.")] = ""
    trusted_keys: Annotated[
        tuple[str, ...],
        Meta(
            description="Public keys of which one must have signed a bundle, separated by commas; empty: any."
        ),
    ] = ()
    reports: Annotated[str, Meta(description="Folder of the reports of trainings.", min_length=1)] = "reports"
    shadow: Annotated[str, Meta(description="Version or file scored on the same flights, unseen.")] = ""
    host: Annotated[str, Meta(description="Address to listen on.", min_length=1)] = "127.0.0.1"
    port: Annotated[int, Meta(description="Port to listen on; 0 takes a free one.", ge=0, le=65_535)] = 8000
    workers: Annotated[int, Meta(description="Processes that answer.", ge=1, le=256)] = 1
    state: Annotated[str, Meta(description="Folder of keys, journal and timetable.", min_length=1)] = "state"
    journal: Annotated[
        str,
        Meta(description="Database URL of the journal; empty: journal.db in the state folder; off: none."),
    ] = ""
    live_max_age: Annotated[
        int, Meta(description="Minutes after an airport's newest event in which its board is trusted.", ge=1)
    ] = 60
    retention: Annotated[
        int, Meta(description="Days that the journal keeps a prediction.", ge=1, le=36_500)
    ] = 400
    replicas: Annotated[
        int,
        Meta(
            description="Copies of the service; more than one take events into a shared PostgreSQL alone.",
            ge=1,
        ),
    ] = 1
    timetable: Annotated[str, Meta(description="File of coming flights to begin with.")] = ""
    auth: Annotated[
        Literal["writes", "always", "none"],
        Meta(description="Who needs a key: writers and, once there are keys, all; all; or nobody."),
    ] = "writes"
    keys: Annotated[
        str, Meta(description="Keys beside those of the state folder, as hashes.", extra=_SECRET)
    ] = ""
    token_secret: Annotated[
        str,
        Meta(
            description="Secret that signs access tokens, 32 characters or more; empty: one of the state folder.",
            pattern=r"^(\S{32,})?$",
            extra=_SECRET,
        ),
    ] = ""
    webhook_secret: Annotated[
        str, Meta(description="Secret of the GitHub webhook; empty: no deliveries.", extra=_SECRET)
    ] = ""
    body_limit: Annotated[int, Meta(description="Largest body of a request, in bytes.", ge=1_024)] = 1_048_576
    timetable_limit: Annotated[int, Meta(description="Largest timetable, in bytes.", ge=1_024)] = 33_554_432
    rate: Annotated[float, Meta(description="Flights per second that a key may ask about.", gt=0)] = 1_000.0
    burst: Annotated[int, Meta(description="Flights that a key may ask about at once.", ge=1)] = 2_000
    token_seconds: Annotated[
        int,
        Meta(description="Seconds that an access token of /v1/security/oauth2/token lasts.", ge=1, le=86_400),
    ] = 1_799
    queue: Annotated[
        int, Meta(description="Flights that may wait before the answer is 503.", ge=1, le=16_384)
    ] = 4_096
    patience: Annotated[
        float, Meta(description="Seconds that a request may take to arrive.", ge=0.1, le=3_600)
    ] = 10.0
    keep_alive: Annotated[
        int,
        Meta(
            description="Seconds that an idle connection stays open; a balancer's must be fewer.",
            ge=1,
            le=3_600,
        ),
    ] = 5
    poll: Annotated[float, Meta(description="Seconds between looks at the champion.", ge=0.05)] = 2.0
    drain: Annotated[int, Meta(description="Seconds that requests may take to end on SIGTERM.", ge=0)] = 30
    cors_origins: Annotated[
        tuple[str, ...], Meta(description="Origins whose pages may call, separated by commas.")
    ] = ()
    log: Annotated[
        Literal["info", "warning"], Meta(description="info writes a line for each request; warning does not.")
    ] = "info"
    metrics: Annotated[str, Meta(description="Folder in which workers share what they count.")] = ""

    def journal_place(self) -> str | Path | None:
        """Give the URL of the journal's database or the path of its file, None where there is to be no journal."""
        if self.journal == "off":
            return None
        # A path, since in a URL some of the characters that a folder's name may have mean something else.
        return self.journal or Path(self.state) / "journal.db"

    def replace(self, **changes: Any) -> "Settings":
        """Give the settings with some changed; raise SettingError for a value that cannot be."""
        return read_settings(
            self.environment() | {f"{PREFIX}{name.upper()}": _text(value) for name, value in changes.items()}
        )

    def environment(self) -> dict[str, str]:
        """Write the settings as variables of the environment, for a process to be started."""
        return {
            f"{PREFIX}{name.upper()}": _text(value) for name, value in msgspec.structs.asdict(self).items()
        }


class ListedSetting(msgspec.Struct, frozen=True):
    """A setting as a list shows it."""

    name: str
    value: str
    default: str
    meaning: str


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings from the environment; raise SettingError naming the variable, its value and the remedy."""
    known = {f"{PREFIX}{field.name.upper()}": field for field in msgspec.structs.fields(Settings)}
    given: dict[str, Any] = {}
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in _ELSEWHERE:
            continue
        if name not in known:
            raise SettingError(
                f"{name} is no setting{did_you_mean(name, known)}; `puntual settings` lists them"
            )
        given[known[name].name] = _value(name, environ[name], known[name])
    return Settings(**given)


def listed(settings: Settings) -> list[ListedSetting]:
    """List every setting with its value, default and meaning; neither a secret nor a password is shown."""
    defaults = Settings()
    return [
        ListedSetting(
            f"{PREFIX}{field.name.upper()}",
            _shown(_text(getattr(settings, field.name)), field),
            _text(getattr(defaults, field.name)),
            _meaning(field),
        )
        for field in msgspec.structs.fields(Settings)
    ]


def _value(name: str, text: str, field: msgspec.structs.FieldInfo) -> Any:
    raw: Any = text.strip()
    if field.name in _LISTS:
        raw = tuple(part.strip() for part in raw.split(",") if part.strip())
    try:
        return msgspec.convert(raw, field.type, strict=False)
    except msgspec.ValidationError as error:
        raise SettingError(
            f"{name} is {_shown(text, field)[:60]!r}: {error}; {_meaning(field)} "
            f"The default is {_text(field.default)!r}"
        ) from error


def _shown(text: str, field: msgspec.structs.FieldInfo) -> str:
    if text and any(isinstance(note, Meta) and note.extra for note in field.type.__metadata__):
        return _HIDDEN
    return _without_password(text)


def _meaning(field: msgspec.structs.FieldInfo) -> str:
    for note in field.type.__metadata__:
        if isinstance(note, Meta) and note.description:
            return note.description
    return ""


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _without_password(text: str) -> str:
    before, at, after = text.rpartition("@")
    scheme, slashes, credentials = before.partition("://")
    if not at or not slashes or ":" not in credentials:
        return text
    return f"{scheme}://{credentials.partition(':')[0]}:{_HIDDEN}@{after}"
