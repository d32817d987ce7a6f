"""Publishes an image under the commit it was made from, and names it by its digest."""

import base64
import http.client
import re
import shutil
import ssl
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from deploy.pipeline.aws import Aws, translate_aws_errors
from deploy.pipeline.errors import DeployError

ENGINES = ("docker", "podman", "buildah")
_ECR = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?")
_LOOPBACK = re.compile(r"(localhost|127\.0\.0\.1)(:\d+)?")
# A registry answers with the digest of the form that is asked for, so ask for the one that was pushed.
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_SECONDS_TO_ANSWER = 30.0


@dataclass(frozen=True)
class Repository:
    """Where images go: a host and a name there, and what lets us in, if anything must."""

    host: str
    name: str
    password: str | None = None

    @property
    def uri(self) -> str:
        """The repository as an image's name begins."""
        return f"{self.host}/{self.name}"

    def digest(self, tag: str) -> str | None:
        """Ask for the digest of a tag, or None where there is no such tag."""
        headers = {"accept": ", ".join(_MANIFESTS)}
        if self.password is not None:
            token = base64.b64encode(f"AWS:{self.password}".encode()).decode()
            headers["authorization"] = f"Basic {token}"
        connection = _connection(self.host)
        try:
            connection.request("HEAD", f"/v2/{self.name}/manifests/{tag}", headers=headers)
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise DeployError(
                f"{self.uri}: does not answer ({error}); see that it can be reached from here"
            ) from error
        finally:
            connection.close()
        if answer.status == http.client.NOT_FOUND:
            return None
        digest = answer.headers.get("docker-content-digest")
        if answer.status != http.client.OK or digest is None:
            raise DeployError(
                f"{self.uri}:{tag}: answered {answer.status}, expected a digest; see that the deploy role may pull"
            )
        return str(digest)


def open_repository(aws: Aws, uri: str) -> Repository:
    """Find a way into a repository: ECR wants a password that AWS gives for half a day."""
    host, _, name = uri.partition("/")
    if not _ECR.fullmatch(host):
        return Repository(host, name)
    with translate_aws_errors(f"repository {uri}"):
        (given,) = aws.client("ecr").get_authorization_token()["authorizationData"]
    password = base64.b64decode(given["authorizationToken"]).decode().partition(":")[2]
    return Repository(host, name, password)


def publish(repository: Repository, image: str, commit: str, report: Callable[[str], object]) -> str:
    """Push a local image under the tag of its commit and return its name by digest.

    Tags are immutable, so an image that is there under this commit already is the one that counts. Raise DeployError
    when the image cannot be pushed.
    """
    digest = repository.digest(commit)
    if digest is not None:
        report(f"{repository.uri}:{commit} is there already")
        return f"{repository.uri}@{digest}"
    report(f"pushing {image} to {repository.uri}:{commit}")
    _push(repository, image, f"{repository.uri}:{commit}")
    digest = repository.digest(commit)
    if digest is None:
        raise DeployError(f"{repository.uri}:{commit} is not there after pushing it; repeat")
    return f"{repository.uri}@{digest}"


def _push(repository: Repository, image: str, target: str) -> None:
    engine = _engine_with(image)
    insecure = ["--tls-verify=false"] if engine != "docker" and _LOOPBACK.fullmatch(repository.host) else []
    if repository.password is not None:
        _run(
            [engine, "login", "--username", "AWS", "--password-stdin", repository.host],
            given=repository.password,
        )
    _run([engine, "tag", image, target])
    _run([engine, "push", *insecure, target])


def _engine_with(image: str) -> str:
    """Find the engine that holds an image."""
    there = [engine for engine in ENGINES if shutil.which(engine)]
    for engine in there:
        inspect = [engine, "inspect", "--type", "image", image]
        if subprocess.run(inspect, capture_output=True, check=False).returncode == 0:
            return engine
    raise DeployError(
        f"image {image!r} is not in {' or '.join(there) or 'any of ' + ', '.join(ENGINES)}; build it: make image"
    )


def _run(command: list[str], given: str = "") -> None:
    result = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if result.returncode:
        raise DeployError(
            f"{' '.join(command[:2])} failed: {result.stderr.strip()[-500:]}; see that the deploy role may push"
        )


def _connection(host: str) -> http.client.HTTPConnection:
    if _LOOPBACK.fullmatch(host):
        return http.client.HTTPConnection(host, timeout=_SECONDS_TO_ANSWER)
    return http.client.HTTPSConnection(host, timeout=_SECONDS_TO_ANSWER, context=ssl.create_default_context())
