"""What GitHub sends when something happens in a repository, and how one knows that GitHub sent it, and not before.

Every delivery is a POST whose body is signed with the secret that both sides know: HMAC-SHA256 over its bytes as they
came (https://docs.github.com/en/webhooks).
"""

import contextlib
import hashlib
import hmac
import re
from pathlib import Path

import msgspec

from puntual.registry.registry import POINTER

PATH = "/webhooks/github"
SIGNATURE = "X-Hub-Signature-256"
EVENT = "X-GitHub-Event"
DELIVERY = "X-GitHub-Delivery"
MEDIA_TYPE = "application/json"
_SCHEME = "sha256="
_POINTER = f"models/{POINTER}"
# Longer lists are cut off: of commits at 20 on older servers, of files at 3,000.
_ALL_COMMITS, _ALL_FILES = 20, 3_000
# Deliveries that were taken, and are not taken again.
_MOST_REMEMBERED = 1_000
_DELIVERY = re.compile(r"[0-9A-Za-z-]{1,64}")


class Commit(msgspec.Struct, frozen=True):
    """The files that one commit touched."""

    added: list[str] = []
    modified: list[str] = []
    removed: list[str] = []


class Repository(msgspec.Struct, frozen=True):
    """The repository that it happened in."""

    default_branch: str


class Push(msgspec.Struct, frozen=True):
    """Commits that came to a branch."""

    ref: str
    repository: Repository
    commits: list[Commit] = []
    forced: bool = False
    deleted: bool = False


class Release(msgspec.Struct, frozen=True):
    """Something done with a release."""

    action: str


class OtherEvent(msgspec.Struct, frozen=True):
    """Anything else that happened, of which nothing is read."""


class Ping(msgspec.Struct, frozen=True):
    """What GitHub sends first; nothing of it is read."""

    zen: str
    hook_id: int


Event = Push | Release | OtherEvent
_EVENTS: dict[str, msgspec.json.Decoder[Event]] = {
    "push": msgspec.json.Decoder(Push),
    "release": msgspec.json.Decoder(Release),
}
_OTHERS: msgspec.json.Decoder[Event] = msgspec.json.Decoder(OtherEvent)


class DeliveryLog:
    """A file without content for each delivery, in `deliveries` in the state folder; the newest thousand stay."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "deliveries"

    def claim(self, name: str) -> bool:
        """Take a delivery; False when it was taken before. Of several who claim one at once, one gets it.

        Raise OSError where nothing can be written down.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            (self._folder / name).touch(exist_ok=False)
        except FileExistsError:
            return False
        self._forget_the_oldest()
        return True

    def _forget_the_oldest(self) -> None:
        files = list(self._folder.iterdir())
        if len(files) <= _MOST_REMEMBERED:
            return
        ages = []
        for file in files:
            # Another worker may be forgetting it too.
            with contextlib.suppress(FileNotFoundError):
                ages.append((file.stat().st_mtime_ns, file))
        for _, file in sorted(ages)[:-_MOST_REMEMBERED]:
            file.unlink(missing_ok=True)


def signature_of(secret: str, body: bytes) -> str:
    """Sign a body, as the header says it.

    >>> signature_of("It's a Secret to Everybody", b"Hello, World!")
    'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17'
    """
    return _SCHEME + hmac.new(secret.encode("utf-8", "surrogateescape"), body, hashlib.sha256).hexdigest()


def is_signed(secret: str, body: bytes, signature: bytes) -> bool:
    """Tell whether a signature is the secret's over a body; takes as long wherever the two part."""
    return hmac.compare_digest(signature_of(secret, body).encode(), signature)


def is_delivery(name: str) -> bool:
    """Tell whether a text can be the id of a delivery; GitHub's are UUIDs."""
    return _DELIVERY.fullmatch(name) is not None


def is_ping(event: str) -> bool:
    """Tell whether an event only asks whether deliveries arrive."""
    return event == "ping"


def deploys(event: str, body: bytes) -> bool:
    """Tell whether an event may change the champion; raise DecodeError for a body that is not what it should be.

    It does when a commit pushed to the default branch changed the pointer, and when a release is published. Where
    the delivery does not tell all (a forced push, or lists that are cut off) it is taken to, since a look at the
    registry costs little.
    """
    given = _EVENTS.get(event, _OTHERS).decode(body)
    if isinstance(given, Release):
        return given.action == "published"
    return isinstance(given, Push) and _deploys(given)


def _deploys(push: Push) -> bool:
    if push.deleted or push.ref != f"refs/heads/{push.repository.default_branch}":
        return False
    return push.forced or len(push.commits) >= _ALL_COMMITS or any(map(_may_move_pointer, push.commits))


def _may_move_pointer(commit: Commit) -> bool:
    written = (commit.added, commit.modified)
    return any(_POINTER in files or len(files) >= _ALL_FILES for files in written)


def ping(secret: str, delivery: str) -> tuple[bytes, dict[str, str]]:
    """Write a signed ping: its body and its headers."""
    body = msgspec.json.encode(Ping("Design for failure.", 0))
    headers = {
        "Content-Type": MEDIA_TYPE,
        EVENT: "ping",
        DELIVERY: delivery,
        SIGNATURE: signature_of(secret, body),
    }
    return body, headers
