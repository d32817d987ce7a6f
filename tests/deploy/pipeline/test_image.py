"""Images go to the registry once, and are named by their digest ever after."""

from http import HTTPStatus

import pytest

from deploy.pipeline.errors import DeployError
from deploy.pipeline.image import Repository, publish
from deploy.rehearsal.served import free_port, served

COMMIT, DIGEST = "1" * 40, "sha256:" + "d" * 64


class Registry:
    """Answers what a registry is asked about a tag."""

    def __init__(self, status: int = HTTPStatus.OK) -> None:
        self.status, self.requests = status, []

    async def __call__(self, scope, _receive, send):
        if scope["type"] == "http":
            self.requests.append((scope["path"], dict(scope["headers"])))
            headers = [(b"docker-content-digest", DIGEST.encode())] if self.status == HTTPStatus.OK else []
            await send({"type": "http.response.start", "status": self.status, "headers": headers})
            await send({"type": "http.response.body", "body": b""})


def repository_at(url: str) -> Repository:
    return Repository(url.removeprefix("http://"), "puntual")


def test_an_image_that_is_there_under_its_commit_is_not_pushed_again():
    registry, messages = Registry(), []
    with served(registry) as url:
        repository = repository_at(url)
        assert publish(repository, "puntual:missing", COMMIT, messages.append) == f"{repository.uri}@{DIGEST}"
    assert messages == [f"{repository.uri}:{COMMIT} is there already"]
    ((path, headers),) = registry.requests
    assert path == f"/v2/puntual/manifests/{COMMIT}"
    assert b"application/vnd.oci.image.index.v1+json" in headers[b"accept"]


def test_an_image_that_no_engine_holds_is_told():
    with (
        served(Registry(HTTPStatus.NOT_FOUND)) as url,
        pytest.raises(DeployError, match="build it: make image"),
    ):
        publish(repository_at(url), "puntual:nobody-has-built-this", COMMIT, lambda _: None)


@pytest.mark.parametrize("status", [HTTPStatus.UNAUTHORIZED, HTTPStatus.INTERNAL_SERVER_ERROR])
def test_a_registry_that_refuses_is_told(status):
    with (
        served(Registry(status)) as url,
        pytest.raises(DeployError, match=f"answered {status}, expected a digest"),
    ):
        repository_at(url).digest(COMMIT)


def test_a_registry_that_is_away_is_told():
    with pytest.raises(DeployError, match="does not answer"):
        Repository(f"127.0.0.1:{free_port()}", "puntual").digest(COMMIT)
