"""Who is champion, by one line in the pointer `model_to_deploy`, and who was before: a record for each change.

The line names a version and the SHA-256 of its bundle's file.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from puntual.errors import RegistryError
from puntual.storage import Store
from puntual.storage.base import LARGEST_NOTE

FOLDER = "promotions"
_LINE = re.compile(r"([0-9a-f]{16})(?: sha256:([0-9a-f]{64}))?")
NAME = re.compile(r"\d{6}-[0-9TZ]+-[0-9a-f]{16}\.json")


@dataclass(frozen=True, slots=True)
class Deployment:
    """What is to be deployed; an older pointer names no digest."""

    version: str
    digest: str | None = None

    def line(self) -> bytes:
        """Write the pointer."""
        return (
            f"{self.version} sha256:{self.digest}\n".encode() if self.digest else f"{self.version}\n".encode()
        )


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One change of champion: `version` took the place of `previous`, at an instant, by force or by right.

    `by` names the key that asked the service for it.
    """

    version: str
    previous: str | None
    at: datetime
    forced: bool = False
    failed: tuple[int, ...] = ()
    rollback: bool = False
    by: str | None = None


def read_pointer(content: bytes, where: str) -> Deployment:
    r"""Read a pointer; raise RegistryError unless it names a version, and nothing but a digest with it.

    >>> read_pointer(b"00000000000000aa\n", "models/model_to_deploy")
    Deployment(version='00000000000000aa', digest=None)
    """
    text = content.decode(errors="replace").strip()
    match = _LINE.fullmatch(text)
    if match is None:
        raise RegistryError(
            f"{where}: names {text[:120]!r}, expected a version of 16 hexadecimal digits, and sha256: with the "
            "64 of its bundle's file; promote one"
        )
    return Deployment(match[1], match[2])


def add(store: Store, record: Record) -> str:
    """Write a record under the next number, so that the order holds even where clocks do not; give its name."""
    number = max((int(name[:6]) for name in _names(store)), default=0) + 1
    stamp = record.at.astimezone(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    content = msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"
    name = f"{FOLDER}/{number:06}-{stamp}-{record.version}.json"
    store.create(name, content)
    return name


def records(store: Store) -> list[Record]:
    """Read every record, the oldest first; raise RegistryError for one that cannot be read."""
    return [_read(store, f"{FOLDER}/{name}") for name in _names(store)]


def former(records: Iterable[Record], champion: str) -> str | None:
    """Find whom `champion` followed, roll-backs undone.

    A record without its change of champion, whose writer was killed or came second, is passed over: nothing that
    followed names it as the previous one.

    >>> at = datetime(2026, 1, 1, tzinfo=UTC)
    >>> chain = [Record(version=b, previous=a, at=at) for a, b in [(None, "a"), ("a", "b"), ("b", "c")]]
    >>> former(chain, "c"), former(chain, "b"), former(chain, "a")
    ('b', 'a', None)
    >>> back = Record(version="b", previous="c", at=at, rollback=True)
    >>> former([*chain, back], "b")
    'a'
    >>> former([*chain, Record(version="d", previous="b", at=at)], "c")
    'b'
    """
    line: list[str] = []
    for record in _that_led_to(champion, list(records)):
        line = _follow(line, record)
    before = _until(line, champion)[:-1] if champion in line else line
    return before[-1] if before else None


def _that_led_to(champion: str, records: list[Record]) -> list[Record]:
    # A champion in no record was written into the pointer by hand.
    recorded = any(record.version == champion for record in records)
    current: str | None = champion if recorded or not records else records[-1].version
    chain: list[Record] = []
    for record in reversed(records):
        if record.version == current:
            chain.append(record)
            current = record.previous
    return chain[::-1]


def _follow(line: list[str], record: Record) -> list[str]:
    if record.rollback:
        return _until(line, record.version) or [record.version]
    if record.previous is None:
        return [record.version]
    return [*(_until(line, record.previous) or [record.previous]), record.version]


def _until(line: list[str], version: str) -> list[str]:
    """Cut a line of champions after the last time that `version` stood in it; empty where it never did."""
    lasts = [place for place, name in enumerate(line) if name == version]
    return line[: lasts[-1] + 1] if lasts else []


def _names(store: Store) -> list[str]:
    return [name for name in store.names(FOLDER) or [] if NAME.fullmatch(name)]


def _read(store: Store, name: str) -> Record:
    try:
        return msgspec.json.decode(store.read(name, LARGEST_NOTE) or b"", type=Record)
    except msgspec.DecodeError as error:
        raise RegistryError(
            f"{store.where(name)}: unreadable record ({error}); restore or remove it"
        ) from error
