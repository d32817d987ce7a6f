"""AWS by botocore, which finds region, credentials and endpoint in the environment; its errors in our words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from deploy.pipeline.errors import DeployError

_REMEDIES = {
    "AccessDenied": "let the deploy role do it (deploy/aws/stack.yaml lists what it may)",
    "AccessDeniedException": "let the deploy role do it (deploy/aws/stack.yaml lists what it may)",
    "ExpiredToken": "sign in again",
    "ExpiredTokenException": "sign in again",
    "InvalidClientTokenId": "correct the credentials in the environment",
    "UnrecognizedClientException": "correct the credentials in the environment",
    "ThrottlingException": "wait a minute and repeat",
}


class Aws:
    """The clients of one account and region."""

    def __init__(self) -> None:
        try:
            import botocore.session
        except ImportError as error:
            raise DeployError(
                "botocore is not installed, and deploying needs it: pip install 'puntual[aws]'"
            ) from error
        self._session = botocore.session.get_session()
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """Give the client of a service; raise DeployError where the environment names no region."""
        if service not in self._clients:
            with translate_aws_errors(service):
                self._clients[service] = self._session.create_client(service)
        return self._clients[service]


@contextmanager
def translate_aws_errors(what: str) -> Iterator[None]:
    """Turn what AWS refuses, or does not answer, into a DeployError that names `what` was asked."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        message = error.response.get("Error", {}).get("Message", "")
        remedy = _REMEDIES.get(code, "see that the stack is as deploy/README.md sets it up")
        raise DeployError(
            f"{what}: AWS refused {error.operation_name} ({code}: {message}); {remedy}"
        ) from error
    except (NoRegionError, NoCredentialsError) as error:
        raise DeployError(
            f"{what}: {error}; set AWS_DEFAULT_REGION and credentials, or sign in with `aws sso login`"
        ) from error
    except BotoCoreError as error:
        raise DeployError(f"{what}: AWS does not answer ({error}); repeat, or see its status") from error
