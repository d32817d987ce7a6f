"""Members of a run know each other, and nobody else."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from deploy.pipeline.certificates import make_certificates

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def read(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def test_the_authority_of_a_run_signed_its_members_certificate_and_no_other_runs():
    run, other = make_certificates(NOW), make_certificates(NOW)
    read(run.cert).verify_directly_issued_by(read(run.ca))
    with pytest.raises(InvalidSignature):
        read(run.cert).verify_directly_issued_by(read(other.ca))


def test_a_member_cannot_sign_certificates_itself():
    run = make_certificates(NOW)
    assert read(run.ca).extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    with pytest.raises(x509.ExtensionNotFound):
        read(run.cert).extensions.get_extension_for_class(x509.BasicConstraints)
    public = read(run.ca).public_key()
    assert x509.load_pem_x509_certificate(run.cert.encode()).public_key() != public


def test_a_certificate_outlasts_a_run_and_is_good_on_a_machine_whose_clock_is_behind():
    cert = read(make_certificates(NOW).cert)
    assert cert.not_valid_before_utc < NOW - timedelta(minutes=5)
    assert NOW + timedelta(hours=12) < cert.not_valid_after_utc < NOW + timedelta(days=7)
