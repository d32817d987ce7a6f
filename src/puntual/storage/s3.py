"""Files in an S3 bucket: each request sees what is there now, each write carries checksums and may be conditional.

Credentials, region and endpoint come from where every AWS tool looks for them: AWS_ACCESS_KEY_ID and the like,
a profile, or the role of the machine.
"""

import re
import sys
import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing, nullcontext
from functools import cached_property
from hashlib import sha256
from typing import Any

from puntual.errors import StorageError
from puntual.storage.base import LARGEST_FILE, FileStat, OnProgress
from puntual.storage.names import require_within
from puntual.storage.os_errors import oversized
from puntual.storage.s3_errors import LOST, MISSING, breaks_off, code_of, translate_s3_error
from puntual.storage.s3_transfer import PART, CheckedStream, upload_large

URL = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?")
# A bucket that is away, or accepts and never answers, is reported within half a minute.
CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 3, 6, 3
_PIECE = 2**16
_DIGEST, _WRITER = "sha256", "writer"


class Bucket:
    """A Store in a bucket, or under a prefix of one (`s3://bucket/prefix`)."""

    def __init__(self, url: str) -> None:
        self.url = url
        match = URL.fullmatch(url.rstrip("/"))
        if match is None:
            raise StorageError(f"{url!r}: no bucket can be called so; expected such as s3://bucket/prefix")
        self._bucket, self._prefix = match[1], (match[2] or "").strip("/")

    def where(self, name: str) -> str:
        """Name the place of a file, for a person."""
        return f"{self.url.rstrip('/')}/{name}".rstrip("/")

    def read(self, name: str, largest: int = LARGEST_FILE) -> bytes | None:
        """Read a file of at most `largest` bytes as it is now, or None where there is none."""
        return self._read(name, largest)[0]

    def names(self, folder: str = "") -> list[str]:
        """List the files of a folder, sorted; a bucket has no folders, so none is missing."""
        start = self._start(folder)
        keys = self._keys(folder, Delimiter="/")
        return sorted(key.removeprefix(start) for key in keys if key != start)

    def walk(self, folder: str = "") -> list[str]:
        """List the files under a folder, whatever the slashes in their names, sorted."""
        start = self._start("")
        return sorted(key.removeprefix(start) for key in self._keys(folder) if not key.endswith("/"))

    def stat(self, name: str) -> FileStat | None:
        """Measure a file, or None where there is none; one that another tool wrote has to be read for it."""
        head = self._head(name)
        if head is None:
            return None
        digest = head["Metadata"].get(_DIGEST)
        if digest is None:
            total = sha256()
            for piece in self.pieces(name):
                total.update(piece)
            digest = total.hexdigest()
        return FileStat(head["ContentLength"], digest)

    def stamp(self, name: str) -> str | None:
        """Give the entity tag of a file, None where there is none."""
        head = self._head(name)
        return None if head is None else str(head["ETag"])

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole in place of the one that may be there."""
        with translate_s3_error(self.where(name)):
            self._put(name, content)

    def create(self, name: str, content: bytes) -> None:
        """Write a new file whole; raise StorageError when there is one of that name."""
        if not self._put_if(name, content, IfNoneMatch="*"):
            raise self._in_its_place(name)

    def swap(self, name: str, seen: bytes | None, content: bytes) -> bool:
        """Write a file if it still holds what was seen; tell whether it did."""
        content_now, tag = self._read(name)
        if content_now != seen:
            return False
        condition = {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag}
        return self._put_if(name, content, **condition)

    def remove(self, name: str) -> None:
        """Remove a file that may be there."""
        with translate_s3_error(self.where(name)):
            self._client.delete_object(**self._at(name))

    def is_writable(self) -> bool:
        """Hope so: only a request that writes tells whether this role may."""
        return True

    def locked(self) -> nullcontext[None]:
        """Go on at once: a bucket has no locks, and `swap` keeps two writers apart."""
        return nullcontext()

    def pieces(self, name: str) -> Iterator[bytes]:
        """Give the bytes of a file in pieces; a transfer that breaks off is taken up again."""
        try:
            for piece, _ in self._pieces(name):
                yield piece
        except FileNotFoundError:
            raise StorageError(f"{self.where(name)}: it is gone; look again and repeat") from None

    def receive(
        self, name: str, expected: FileStat, pieces: Iterable[bytes], on_progress: OnProgress, *, new: bool
    ) -> None:
        """Take a file in from another store; what is larger than a part goes in parts, each of them tried again."""
        stream = CheckedStream(self.where(name), expected, pieces)
        if expected.size > PART:
            known = {_DIGEST: expected.digest}
            with translate_s3_error(self.where(name)):
                # A client of its own, since the condition of one file is not for the next.
                client = self._new_client()
                upload_large(client, self._at(name), stream, on_progress, metadata=known, new=new)
            return
        content = stream.read()
        if not self._put_if(name, content, **({"IfNoneMatch": "*"} if new else {})):
            raise self._in_its_place(name)
        on_progress(len(content))

    def _start(self, folder: str) -> str:
        under = self._key(folder)
        return f"{under}/" if under else ""

    def _keys(self, folder: str, **how: str) -> list[str]:
        with translate_s3_error(self.where(folder)):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._start(folder), **how
            )
            return [file["Key"] for page in pages for file in page.get("Contents", ())]

    @cached_property
    def _client(self) -> Any:
        return self._new_client()

    def _new_client(self) -> Any:
        try:
            from botocore.config import Config
            from botocore.session import Session
        except ImportError as error:
            raise StorageError(
                f"{self.url}: a bucket needs botocore, which is not installed; pip install 'puntual[aws]'"
            ) from error
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        )
        with translate_s3_error(self.url):
            return Session().create_client("s3", config=config)

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{require_within(self.url, name)}".strip("/") if name else self._prefix

    def _at(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._key(name)}

    def _head(self, name: str) -> Any:
        with translate_s3_error(self.where(name)):
            try:
                return self._client.head_object(**self._at(name))
            except self._client.exceptions.ClientError as error:
                if code_of(error) in MISSING:
                    return None
                raise

    def _read(self, name: str, largest: int = LARGEST_FILE) -> tuple[bytes | None, str | None]:
        """Read a file and the tag of its content, or nothing where there is none."""
        try:
            pieces = list(self._pieces(name, largest))
        except FileNotFoundError:
            return None, None
        return b"".join(piece for piece, _ in pieces), pieces[-1][1]

    def _pieces(self, name: str, largest: int = sys.maxsize) -> Iterator[tuple[bytes, str]]:
        """Give pieces and the tag of what they are of, at least one; FileNotFoundError where there is no file.

        Of a file that says to be larger than `largest` nothing is read, and no more of one that only is.
        """
        place, failures = 0, 0
        condition: dict[str, str] = {}
        while True:
            with translate_s3_error(self.where(name)):
                answer = self._get(name, place, condition)
                # Taken up again, it must be the same file still.
                condition = {"IfMatch": answer["ETag"]}
                try:
                    with closing(answer["Body"]) as body:
                        self._refuse_oversized(name, place + answer.get("ContentLength", 0), largest)
                        yield b"", answer["ETag"]
                        while piece := body.read(_PIECE):
                            place += len(piece)
                            self._refuse_oversized(name, place, largest)
                            yield piece, answer["ETag"]
                    return
                except Exception as error:
                    failures += 1
                    if not breaks_off(error) or failures == ATTEMPTS:
                        raise

    def _refuse_oversized(self, name: str, size: int, largest: int) -> None:
        if size > largest:
            raise oversized(self.where(name), size, largest)

    def _get(self, name: str, start: int, condition: dict[str, str]) -> Any:
        begin = {"Range": f"bytes={start}-"} if start else {}
        try:
            return self._client.get_object(**self._at(name), **begin, **condition)
        except self._client.exceptions.NoSuchKey:
            raise FileNotFoundError(name) from None

    def _put(self, name: str, content: bytes, **more: Any) -> None:
        known = {_DIGEST: sha256(content).hexdigest(), **more.pop("Metadata", {})}
        self._client.put_object(
            **self._at(name), Body=content, Metadata=known, ChecksumAlgorithm="SHA256", **more
        )

    def _put_if(self, name: str, content: bytes, **condition: str) -> bool:
        writer = uuid.uuid4().hex
        with translate_s3_error(self.where(name)):
            try:
                self._put(name, content, Metadata={_WRITER: writer}, **condition)
            except self._client.exceptions.ClientError as error:
                if code_of(error) not in LOST:
                    raise
                # An answer that was lost is asked for again, and then it is our own file that stands in the way.
                head = self._head(name)
                return head is not None and head["Metadata"].get(_WRITER) == writer
        return True

    def _in_its_place(self, name: str) -> StorageError:
        return StorageError(f"{self.where(name)}: something is in its place: look again and repeat")
