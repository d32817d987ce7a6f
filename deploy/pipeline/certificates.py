"""Certificates for one run: an authority that signs one of them and is forgotten."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# Longer than any run; each makes its own.
VALID = timedelta(days=2)
# The clock of another machine may be behind.
_SLACK = timedelta(minutes=10)


@dataclass(frozen=True)
class Certificates:
    """What members of a run know each other by, as PEM: the authority, a certificate of it, and its private key."""

    ca: str
    cert: str
    key: str


def make_certificates(now: datetime) -> Certificates:
    """Make an authority and one certificate that all members show; nobody can make a second, since its key is gone."""
    authority, member = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = _builder("puntual run", now, authority.public_key(), issuer="puntual run").add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    cert = _builder("puntual member", now, member.public_key(), issuer="puntual run").add_extension(
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]),
        critical=False,
    )
    key = member.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Certificates(_signed(ca, authority), _signed(cert, authority), key)


def _signed(builder: x509.CertificateBuilder, authority: ec.EllipticCurvePrivateKey) -> str:
    return builder.sign(authority, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def _builder(
    subject: str, now: datetime, key: ec.EllipticCurvePublicKey, *, issuer: str
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SLACK)
        .not_valid_after(now + VALID)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
