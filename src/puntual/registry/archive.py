"""The bundle's file: a ZIP of a manifest, ONNX models, a card and numpy's arrays, each held to its digest.

The manifest lists the SHA-256 of every other member; the archive's comment holds the manifest's own, and its
first 16 hexadecimal digits are the bundle's version. Nothing in it is code and nothing is unpickled.
"""

import hashlib
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import msgspec

from puntual.errors import BundleError, OversizedFileError, describe_os_error, did_you_mean
from puntual.features.states import STATES
from puntual.flights.arrays import Columns
from puntual.registry.lookup_tables import COLUMN, from_members, to_members
from puntual.registry.manifest import REQUIRED_TABLES, Manifest, decode, encode
from puntual.storage.local import read_within
from puntual.storage.scratch import threads
from puntual.storage.zip_file import pack, read_member, require_size, unpack_member

SUFFIX = ".puntual"
MANIFEST = "manifest.json"
EXPERTS, TESTED = "experts", "tested"
CARD = "MODEL_CARD.md"
EXPERT = re.compile(rf"({EXPERTS}|{TESTED})/([a-z0-9_]+)\.onnx")
VERSION = re.compile(r"[0-9a-f]{16}")
# Bytes of a bundle, packed or unpacked, and of the directory at the end of its file.
LARGEST, LARGEST_DIRECTORY = 512 * 2**20, 2**20
# The end of the directory, whose comment is the manifest's digest; nothing else may tell where the directory is.
_END = re.compile(rb"PK\x05\x06.{8}(.{4}).{4}\x40\x00[0-9a-f]{64}", re.DOTALL)
_OTHER_END = b"PK\x06\x07"
# Whatever `zipfile` raises on bytes that are no ZIP, or are one no longer.
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True, eq=False)
class Bundle:
    """A trained model with all that it needs: manifest, ONNX models, card (Markdown) and lookup tables.

    `experts` holds the ONNX model of each state of knowledge by its name; `tested` those from before they were
    trained again on the test flights too, None where they never were.
    """

    manifest: Manifest
    experts: Mapping[str, bytes]
    card: str
    tables: Mapping[str, Columns]
    tested: Mapping[str, bytes] | None = None

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the manifest, in hexadecimal, which lists that of every other member."""
        return _packed(self)[0]

    @property
    def version(self) -> str:
        """The bundle's name: 16 hexadecimal digits that follow from its content alone."""
        return _version(self.digest)

    def without_content(self) -> "Bundle":
        """Keep what names and describes the bundle, and let go of its models and tables.

        A bundle that was not named yet stays as it is, since its name follows from its content.
        """
        if "digest" not in self.__dict__:
            return self
        kept = replace(self, experts={}, tables={}, tested=None)
        kept.__dict__["digest"] = self.digest
        return kept


def to_bytes(bundle: Bundle) -> tuple[str, bytes]:
    """Write a bundle as its version and its file: the same content gives the same bytes.

    Raise BundleError when a required table is missing or when the manifest could not be read back.
    """
    digest, content = _packed(bundle)
    return _version(digest), content


def from_bytes(data: bytes, name: str) -> Bundle:
    """Read a bundle, trusting nothing before its digest is checked; `name` stands in the messages.

    Raise BundleError when it is truncated, altered, of another format, or lacks a member, table or column. When
    `name` is a version (`0123456789abcdef.puntual`), the content must be that version.
    """
    with _translate_damage(name):
        _require_small_directory(data)
    with _translate_damage(name), zipfile.ZipFile(io.BytesIO(data)) as archive:
        require_size(archive, LARGEST)
        if MANIFEST not in archive.namelist():
            raise _altered(name, f"lacks {MANIFEST}")
        raw = read_member(archive, MANIFEST)
        manifest = decode(raw, name)
        _check_names(archive, name)
        _check_manifest_digest(_sha256(raw), archive.comment, data, name)
        members = _read_members(data, archive, manifest, name)
    return _assemble(manifest, members, _sha256(raw), name)


def read(path: str | Path) -> Bundle:
    """Read the bundle in a file; raise BundleError as `from_bytes` does, or when there is no such file."""
    try:
        data = read_within(Path(path), LARGEST)
    except (OSError, OversizedFileError) as error:
        problem = describe_os_error(error, path) if isinstance(error, OSError) else str(error)
        raise BundleError(f"{problem}, and name a {SUFFIX} file") from error
    return from_bytes(data, str(path))


def require_columns(bundle: Bundle, known: Collection[str]) -> None:
    """Raise BundleError when the model asks for feature columns that this Puntual cannot compute."""
    missing = [column for column in bundle.manifest.columns if column not in known]
    if missing:
        raise BundleError(
            f"bundle {bundle.version}: missing columns: its model asks for {', '.join(missing)}, which this "
            f"Puntual does not compute; install puntual {bundle.manifest.puntual}, or train again"
            f"{did_you_mean(missing[0], known)}"
        )


def require_target(bundle: Bundle, target: str | None) -> None:
    """Raise BundleError where a model predicts another delay than `target`, if one is expected."""
    predicted = bundle.manifest.target
    if target is not None and predicted != target:
        raise BundleError(
            f"bundle {bundle.version}: it predicts the delay of {predicted}; expected that of {target}; name another "
            f"with --bundle, or train one with --target {target}"
        )


def _packed(bundle: Bundle) -> tuple[str, bytes]:
    """Write a bundle as the digest of its manifest and its file."""
    _require_tables(bundle.tables, "the bundle to be written")
    _require_experts(bundle, "the bundle to be written")
    members = _members(bundle)
    digests = {name: _sha256(content) for name, content in members.items()}
    raw = encode(msgspec.structs.replace(bundle.manifest, members=digests))
    return _sha256(raw), pack({MANIFEST: raw} | members, comment=_sha256(raw))


def _members(bundle: Bundle) -> dict[str, bytes]:
    sets = {EXPERTS: bundle.experts, TESTED: bundle.tested or {}}
    experts = {
        f"{kind}/{state}.onnx": model for kind, models in sets.items() for state, model in models.items()
    }
    columns: dict[str, bytes] = {}
    for name, table in bundle.tables.items():
        columns |= to_members(name, table)
    return {CARD: bundle.card.encode()} | experts | columns


@contextmanager
def _translate_damage(name: str) -> Iterator[None]:
    try:
        yield
    except DAMAGE as error:
        raise BundleError(
            f"{name}: truncated, altered or no bundle at all ({error}); expected the whole ZIP file that "
            "Puntual wrote: fetch or train it again"
        ) from error


def _require_small_directory(data: bytes) -> None:
    """Raise ValueError where a file does not end as a bundle does, or would take much memory only to be listed."""
    end = _END.fullmatch(data[-86:])
    if end is None or data[-106:-102] == _OTHER_END:
        raise ValueError(f"its {len(data):,} bytes do not end as a bundle does")
    if int.from_bytes(end[1], "little") > LARGEST_DIRECTORY:
        raise ValueError(f"its directory takes more than {LARGEST_DIRECTORY:,} bytes")


def _check_names(archive: zipfile.ZipFile, name: str) -> None:
    members = archive.namelist()
    strange = [member for member in members if not _is_expected(member)]
    if strange:
        raise _altered(name, f"holds {strange[0]!r}, which no bundle holds")
    if len(set(members)) < len(members):
        raise _altered(name, "holds a member twice")
    if CARD not in members:
        raise _altered(name, f"lacks {CARD}")


def _is_expected(member: str) -> bool:
    return member in {MANIFEST, CARD} or any(kind.fullmatch(member) for kind in (COLUMN, EXPERT))


def _check_manifest_digest(digest: str, comment: bytes, data: bytes, name: str) -> None:
    if comment != digest.encode() or not data.endswith(comment):
        raise _altered(name, f"ends in {comment[:64]!r} where its manifest has the digest {digest}")
    stem = Path(name).stem
    if VERSION.fullmatch(stem) and stem != _version(digest):
        raise _altered(name, f"is named {stem} and holds version {_version(digest)}")


def _read_members(data: bytes, archive: zipfile.ZipFile, manifest: Manifest, name: str) -> dict[str, bytes]:
    """Read all members but the manifest, a share of them in each thread, each held to its digest there."""
    listed = [member for member in archive.namelist() if member != MANIFEST]
    if differing := sorted(manifest.members.keys() ^ listed):
        raise _altered(name, f"and its manifest do not list the same members: {', '.join(differing)}")

    def read_share(share: list[str]) -> dict[str, bytes]:
        contents = {member: unpack_member(data, archive.getinfo(member)) for member in share}
        for member, content in contents.items():
            if _sha256(content) != manifest.members[member]:
                raise _altered(name, f"holds a {member} whose digest is not the manifest's")
        return contents

    with ThreadPoolExecutor(threads(), thread_name_prefix="puntual-members") as pool:
        # Neighbours are of about one size.
        shares = list(pool.map(read_share, (listed[first :: threads()] for first in range(threads()))))
    return {member: content for share in shares for member, content in share.items()}


def _assemble(manifest: Manifest, members: Mapping[str, bytes], digest: str, name: str) -> Bundle:
    tables = from_members(members, name)
    _require_tables(tables, name)
    experts: dict[str, dict[str, bytes]] = {EXPERTS: {}, TESTED: {}}
    for member, content in members.items():
        if match := EXPERT.fullmatch(member):
            experts[match[1]][match[2]] = content
    with _translate_damage(name):
        bundle = Bundle(manifest, experts[EXPERTS], members[CARD].decode(), tables, experts[TESTED] or None)
    _require_experts(bundle, name)
    # The file tells; computing it would write the whole bundle, perhaps with another version of numpy.
    vars(bundle)["digest"] = digest
    return bundle


def _require_tables(tables: Collection[str], name: str) -> None:
    if missing := sorted(REQUIRED_TABLES.difference(tables)):
        raise BundleError(
            f"{name}: lacks the table {', '.join(missing)}, needed to predict; train or fetch it again"
        )


def _require_experts(bundle: Bundle, name: str) -> None:
    """Refuse a bundle without a model, and columns of it, for each state of knowledge."""
    for kind, models in ((EXPERTS, bundle.experts), (TESTED, bundle.tested)):
        for state in (state.name for state in STATES):
            if models is not None and (state not in models or state not in bundle.manifest.expert_columns):
                raise BundleError(
                    f"{name}: lacks {kind}/{state}.onnx or the columns that it reads, needed to predict; train or "
                    "fetch it again"
                )


def _altered(name: str, what: str) -> BundleError:
    return BundleError(f"{name}: altered: it {what}; fetch the bundle again, or train anew")


def _version(digest: str) -> str:
    return digest[:16]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
