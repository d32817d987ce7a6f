"""The pointer `model_to_deploy`: one line that names a version and the SHA-256 of its bundle's file."""

import re
from dataclasses import dataclass

from puntual.errors import RegistryError

_LINE = re.compile(r"([0-9a-f]{16})(?: sha256:([0-9a-f]{64}))?")


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
