"""What the head of a request must keep to: its size, the length of its target, and the one host that it names."""

from collections.abc import Iterable
from http import HTTPStatus

LARGEST_HEAD = 65_536
# RFC 9112 wants at least 8,000 of everyone.
_LONGEST_TARGET = 8_192
_BETWEEN_NAME_AND_VALUE = 4

# Why a request is refused, as a status and a sentence.
Refusal = tuple[HTTPStatus, str]


def refusal_of(target: bytes, headers: Iterable[tuple[bytes, bytes]], version: str) -> Refusal | None:
    """Give the reason to refuse the head of a request in such a version of HTTP; None for one that may be answered.

    >>> refusal_of(b"/", [(b"host", b"a")], "1.1") is None
    True
    >>> refusal_of(b"/", [(b"host", b"a"), (b"host", b"b")], "1.1")[1]
    'the request has 2 Host headers; send one'
    """
    size = hosts = 0
    for name, value in headers:
        size += len(name) + len(value) + _BETWEEN_NAME_AND_VALUE
        hosts += name == b"host"
    if len(target) > _LONGEST_TARGET or size > LARGEST_HEAD:
        return refusal_of_size(target)
    if hosts > 1 or (hosts == 0 and version == "1.1"):
        return HTTPStatus.BAD_REQUEST, f"the request has {hosts} Host headers; send one"
    return None


def refusal_of_size(target: bytes) -> Refusal:
    """Say of a head that is too large whether it is its target that is, or its headers are."""
    if len(target) > _LONGEST_TARGET:
        return (
            HTTPStatus.REQUEST_URI_TOO_LONG,
            f"path and query are longer than {_LONGEST_TARGET:,} bytes; shorten them",
        )
    return (
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        f"the headers are larger than {LARGEST_HEAD:,} bytes; send fewer",
    )
