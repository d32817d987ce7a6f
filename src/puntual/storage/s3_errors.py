"""What went wrong with a bucket, with a remedy, which botocore's own words lack."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from puntual.errors import StorageError

MISSING = frozenset({"NoSuchKey", "404"})
# Answers to a conditional write that came too late.
LOST = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "412", "409"})
_ACCESS = "give these credentials access to it (s3:ListBucket, s3:GetObject, s3:PutObject, s3:DeleteObject)"
_CREDENTIALS = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or a role of the machine"
_AGAIN = "repeat it; AWS_ENDPOINT_URL and the network decide which one is used"
_CODES = {
    "NoSuchBucket": "create the bucket, or correct the URL",
    "AccessDenied": _ACCESS,
    "403": _ACCESS,
    "InvalidAccessKeyId": _CREDENTIALS,
    "SignatureDoesNotMatch": _CREDENTIALS,
    "ExpiredToken": _CREDENTIALS,
    "PreconditionFailed": "it changed meanwhile: look again and repeat",
}
_ERRORS = {
    "NoCredentialsError": ("there are no AWS credentials", _CREDENTIALS),
    "PartialCredentialsError": ("half of the AWS credentials are missing", _CREDENTIALS),
    "CredentialRetrievalError": ("the AWS credentials cannot be fetched", _CREDENTIALS),
    "EndpointConnectionError": ("the bucket cannot be reached", _AGAIN),
    "ConnectTimeoutError": ("the bucket cannot be reached in time", _AGAIN),
    "ReadTimeoutError": ("the bucket does not answer in time", _AGAIN),
    "ConnectionClosedError": ("the connection broke off", _AGAIN),
    "ResponseStreamingError": ("the transfer broke off", _AGAIN),
    "IncompleteReadError": ("the transfer ended before its end", _AGAIN),
    "FlexibleChecksumError": ("what arrived is not what was written", "repeat it, or write the file again"),
    "SSLError": ("the bucket cannot be trusted", "correct AWS_CA_BUNDLE, or AWS_ENDPOINT_URL"),
}
_BROKEN_OFF = frozenset({"IncompleteReadError", "ResponseStreamingError", "ReadTimeoutError"})


@contextmanager
def translate_s3_error(place: str) -> Iterator[None]:
    """Turn an error of the bucket's client into StorageError that says where, why and what to do."""
    try:
        yield
    except (StorageError, FileNotFoundError):
        raise
    except Exception as error:
        if not type(error).__module__.startswith("botocore."):
            raise
        raise StorageError(f"{place}: {_reason(error)}") from error


def code_of(error: Any) -> str:
    """Give the code of an answer that says no."""
    return str(error.response.get("Error", {}).get("Code", ""))


def breaks_off(error: Exception) -> bool:
    """Tell a transfer that broke off, and may be taken up again, from one that was refused."""
    return type(error).__name__ in _BROKEN_OFF


def _reason(error: Any) -> str:
    if getattr(error, "response", None):
        code = code_of(error)
        message = error.response.get("Error", {}).get("Message", "no reason given")
        return f"{message} ({code}); {_CODES.get(code, 'repeat it, or ask whoever keeps the bucket')}"
    what, remedy = _ERRORS.get(type(error).__name__, ("the bucket cannot be used", _AGAIN))
    return f"{what} ({error}); {remedy}"
