"""A large file into a bucket, in parts; one that was broken off goes on with the parts that have arrived."""

from base64 import b64encode
from collections.abc import Iterator
from hashlib import md5, sha256
from typing import Any

from puntual.storage.base import Arrived, Found
from puntual.storage.s3_errors import code_of

# Every part but the last must have 5 MiB, and there may be 10,000 of them.
PART, MOST_PARTS = 8 * 2**20, 10_000


class Upload:
    """The upload of one file in parts, by its id; an id that is no longer known begins anew."""

    def __init__(self, client: Any, at: dict[str, str], known: str | None) -> None:
        self._client, self._at = client, at
        self._there = self._arrived_before(known) if known else None
        self.id = known if self._there is not None else None

    def begin(self, digest: str) -> str:
        """Give the id of the upload, having begun it where there is none."""
        if self.id is None:
            begun = self._client.create_multipart_upload(
                **self._at, Metadata={"sha256": digest}, ChecksumAlgorithm="SHA256"
            )
            self.id = str(begun["UploadId"])
        return self.id

    def send(self, pieces: Iterator[bytes], expected: Found, arrived: Arrived) -> tuple[Found, list[Any]]:
        """Send the parts that have not arrived yet; give what the file is now and the list of its parts."""
        total, size, parts = sha256(), 0, []
        for number, part in enumerate(
            _regrouped(pieces, max(PART, -(-expected.size // MOST_PARTS))), start=1
        ):
            total.update(part)
            size += len(part)
            parts.append(self._part(number, part))
            arrived(size)
        return Found(size, total.hexdigest()), parts

    def complete(self, parts: list[Any], **condition: str) -> None:
        """Put the file in its place."""
        self._client.complete_multipart_upload(
            **self._at, UploadId=self.id, MultipartUpload={"Parts": parts}, **condition
        )

    def give_up(self) -> None:
        """Throw away the parts that have arrived."""
        self._client.abort_multipart_upload(**self._at, UploadId=self.id)

    def _part(self, number: int, content: bytes) -> dict[str, Any]:
        checksum = b64encode(sha256(content).digest()).decode()
        there = (self._there or {}).get(number)
        # Which of the two a bucket tells depends on how it is encrypted.
        same = {checksum, md5(content, usedforsecurity=False).hexdigest()}
        if there is None or not same & {there.get("ChecksumSHA256"), there["ETag"].strip('"')}:
            there = self._client.upload_part(
                **self._at, UploadId=self.id, PartNumber=number, Body=content, ChecksumSHA256=checksum
            )
        return {"PartNumber": number, "ETag": there["ETag"], "ChecksumSHA256": checksum}

    def _arrived_before(self, known: str) -> dict[int, Any] | None:
        pages = self._client.get_paginator("list_parts").paginate(**self._at, UploadId=known)
        try:
            return {part["PartNumber"]: part for page in pages for part in page.get("Parts", ())}
        except self._client.exceptions.ClientError as error:
            if code_of(error) == "NoSuchUpload":
                return None
            raise


def _regrouped(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) >= size:
            yield bytes(held[:size])
            del held[:size]
    if held:
        yield bytes(held)
