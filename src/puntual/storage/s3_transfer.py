"""A large file into a bucket, in parts, by the SDK's own transfer."""

import io
import threading
from collections.abc import Iterable
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

from puntual.errors import StorageError
from puntual.storage.base import FileStat, OnProgress
from puntual.storage.os_errors import require_same

# A file above one part goes in parts, of which there may be 10,000.
PART, _MOST_PARTS = 8 * 2**20, 10_000
_AT_ONCE = 4


def upload_large(
    client: Any,
    at: dict[str, str],
    stream: "CheckedStream",
    on_progress: OnProgress,
    *,
    metadata: dict[str, str],
    new: bool,
) -> None:
    """Send what a stream holds to `at` (Bucket and Key), whole or not at all; each part is tried again.

    Raises what the stream raises, and the client's errors; one of them where it should be `new` and is not.
    """
    try:
        from s3transfer.manager import TransferConfig, TransferManager
    except ImportError as error:
        raise StorageError(
            f"s3://{at['Bucket']}/{at['Key']}: a file above {PART // 2**20} MiB needs s3transfer, which is not "
            "installed; pip install 'puntual[aws]'"
        ) from error
    if new:
        # The transfer knows no conditions, and the last of its requests is where one counts.
        client.meta.events.register("provide-client-params.s3.CompleteMultipartUpload", _unless_there)
    part = max(PART, -(-stream.expected.size // _MOST_PARTS))
    config = TransferConfig(
        multipart_threshold=PART,
        multipart_chunksize=part,
        max_request_concurrency=_AT_ONCE,
        max_in_memory_upload_chunks=_AT_ONCE,
    )
    extra = {"Metadata": metadata, "ChecksumAlgorithm": "SHA256"}
    with TransferManager(client, config) as manager:
        manager.upload(stream, at["Bucket"], at["Key"], extra, [_counting(on_progress)]).result()


class CheckedStream(io.RawIOBase):
    """Pieces as a file to be read once, which ends in StorageError unless they were what was expected."""

    def __init__(self, place: str, expected: FileStat, pieces: Iterable[bytes]) -> None:
        self.expected = expected
        self._place, self._pieces = place, iter(pieces)
        self._rest, self._size, self._total = memoryview(b""), 0, sha256()

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read so many bytes, less only at the end; raise StorageError there for another content."""
        read = bytearray()
        while size < 0 or len(read) < size:
            if not self._rest and not self._next():
                break
            taken = self._rest[: size - len(read)] if size >= 0 else self._rest
            read += taken
            self._rest = self._rest[len(taken) :]
        return bytes(read)

    def _next(self) -> bool:
        piece = next(self._pieces, None) if self._size <= self.expected.size else None
        if piece is None:
            require_same(self._place, self.expected, FileStat(self._size, self._total.hexdigest()))
            return False
        self._size += len(piece)
        self._total.update(piece)
        self._rest = memoryview(piece)
        return True


def _unless_there(params: dict[str, Any], **_: Any) -> dict[str, Any]:
    return params | {"IfNoneMatch": "*"}


def _counting(on_progress: OnProgress) -> SimpleNamespace:
    """Give what the transfer calls, from several threads, with the bytes that have just been sent."""
    lock, sent = threading.Lock(), 0

    def count(*, bytes_transferred: int, **_: Any) -> None:
        nonlocal sent
        with lock:
            sent += bytes_transferred
            on_progress(sent)

    return SimpleNamespace(on_progress=count)
