"""Signatures of bundles: Ed25519 over a bundle's digest, in a file beside it, a line for each key.

The digest is that of the manifest, which lists the digest of every other member: whoever signs it signs all of them,
however the file was packed.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from puntual.errors import BundleError, SigningKeyError
from puntual.registry.archive import SUFFIX, Bundle

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SIGNATURE_SUFFIX = ".sig"
_LINE = re.compile(r"ed25519 ([A-Za-z0-9+/]{43}=) ([A-Za-z0-9+/]{86}==)")
_LARGEST = 65_536


class TrustedKeys:
    """The public keys whose signature a bundle needs; without any, every bundle is trusted."""

    def __init__(self, keys: Sequence[str] = ()) -> None:
        """Take public keys in base64, as `make_key` gives them; raise SigningKeyError for what is none."""
        self._keys = {key: _public_key(key) for key in keys}

    def require_signed(self, bundle: Bundle, signatures: bytes | None, where: str) -> None:
        """Raise BundleError unless one of these keys signed a bundle; `where` its signatures should be."""
        if not self._keys or any(self._is_valid(bundle, *line) for line in _lines(signatures)):
            return
        what = "not signed" if signatures is None else "signed by none of the keys that are trusted"
        raise BundleError(
            f"bundle {bundle.version}: it is {what} ({where}); expected a signature of "
            f"{' or '.join(self._keys)}: puntual models sign {bundle.version} --key FILE"
        )

    def _is_valid(self, bundle: Bundle, key: str, signature: str) -> bool:
        from cryptography.exceptions import InvalidSignature

        if key not in self._keys:
            return False
        try:
            self._keys[key].verify(base64.b64decode(signature), _message(bundle))
        except InvalidSignature:
            return False
        return True


def make_key() -> tuple[bytes, str]:
    """Make a private key (PKCS 8 in PEM) and give it with its public key, the 32 bytes in base64."""
    ed25519, serialization = _cryptography()
    key = ed25519.Ed25519PrivateKey.generate()
    plain = serialization.NoEncryption()
    pem: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return pem, _text_of(key.public_key())


def sign(bundle: Bundle, private_key: bytes, former: bytes | None = None) -> bytes:
    """Sign a bundle with a private key in PEM; give its signatures, the `former` ones of other keys kept.

    Raise SigningKeyError for what is no private Ed25519 key without a passphrase.
    """
    key = _private_key(private_key)
    own, signature = _text_of(key.public_key()), base64.b64encode(key.sign(_message(bundle))).decode()
    others = [line for line in _lines(former) if line[0] != own]
    lines = sorted([*others, (own, signature)])
    return "".join(f"ed25519 {public} {signed}\n" for public, signed in lines).encode()


def signature_name(version: str) -> str:
    """Name the file of the signatures of a version."""
    return version.removesuffix(SUFFIX) + SIGNATURE_SUFFIX


def _lines(signatures: bytes | None) -> list[tuple[str, str]]:
    """Give the public key and the signature of each line that is one."""
    text = (signatures or b"")[:_LARGEST].decode(errors="replace")
    return [(match[1], match[2]) for match in map(_LINE.fullmatch, text.splitlines()) if match]


def _message(bundle: Bundle) -> bytes:
    # With what it is about, so that no signature made for anything else can be passed off as one.
    return f"puntual bundle sha256:{bundle.digest}\n".encode()


def _public_key(text: str) -> "Ed25519PublicKey":
    ed25519, _ = _cryptography()
    try:
        key: Ed25519PublicKey = ed25519.Ed25519PublicKey.from_public_bytes(
            base64.b64decode(text, validate=True)
        )
    except (binascii.Error, ValueError) as error:
        raise SigningKeyError(
            f"{text[:60]!r}: no public Ed25519 key ({error}); expected 32 bytes in base64, as puntual models keygen "
            "prints them"
        ) from error
    return key


def _private_key(pem: bytes) -> "Ed25519PrivateKey":
    ed25519, serialization = _cryptography()
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError) as error:
        raise SigningKeyError(
            f"the key to sign with cannot be read ({error}); expected a private Ed25519 key in PEM without a "
            "passphrase, as puntual models keygen writes it"
        ) from error
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise SigningKeyError(
            "the key to sign with is of another kind; expected Ed25519: make one with puntual models keygen"
        )
    private: Ed25519PrivateKey = key
    return private


def _text_of(key: "Ed25519PublicKey") -> str:
    return base64.b64encode(key.public_bytes_raw()).decode()


def _cryptography() -> tuple[Any, Any]:
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        raise SigningKeyError(
            "signatures need cryptography, which is not installed; pip install 'puntual[signing]'"
        ) from error
    return ed25519, serialization
