"""Who is let in: keys, their rate, other machines, and pages of other origins."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from api.conftest import FLIGHT, Server, running, served
from puntual.api.auth.api_keys import KeyStore
from puntual.api.auth.known_routes import KnownRoutes
from puntual.cli import main

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PAGE = "https://airport.example"
BODY = {"flights": [FLIGHT]}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    state = tmp_path_factory.mktemp("state")
    store = KeyStore(state)
    return state, store.create("tower", NOON), store.create("gate", NOON)


@pytest.fixture(scope="module")
def server(bundle_file: Path, keys: tuple[Path, str, str]) -> Iterator[Server]:
    words = ("--bundle", str(bundle_file), "--state", str(keys[0]), "--host", "0.0.0.0")
    with running(*words, cors_origins=f"{PAGE}, https://other.example") as started:
        yield started


@pytest.fixture(scope="module")
def client(server: Server) -> httpx.Client:
    return server.client


WRONG = [
    {},
    {"x-api-key": ""},
    {"x-api-key": "puntual_"},
    {"x-api-key": b"\xff\xfe"},
    {"x-api-key": "x" * 10_000},
    {"authorization": "Bearer"},
    {"authorization": "Basic dG93ZXI6dG93ZXI="},
]


@pytest.mark.parametrize("headers", WRONG)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/predict"),
        ("POST", "/predict/"),
        ("GET", "/models/champion"),
        ("POST", "/models/reload"),
        ("PUT", "/timetable"),
        ("GET", "/metrics"),
    ],
)
def test_beyond_this_machine_everything_wants_a_key(
    client: httpx.Client, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = client.request(method, path, json=BODY, headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("POST", "/predct", 404),
        ("PUT", "/timetables", 404),
        ("DELETE", "/predict", 405),
    ],
)
def test_what_is_not_there_is_not_there_for_anyone(
    client: httpx.Client, keys: tuple[Path, str, str], method: str, path: str, status: int
) -> None:
    for headers in ({}, {"x-api-key": "wrong"}, {"x-api-key": keys[1]}):
        answer = client.request(method, path, json=BODY, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_whatever_a_parameter_of_a_path_stands_for_is_there() -> None:
    routes = KnownRoutes([("/boards/{airport:str}", ("GET",)), ("/files/{name:path}", ("PUT",))])
    assert routes.has("GET", "/boards/SCL") and routes.has("HEAD", "/boards/S\nL")
    assert routes.has("PUT", "/files/a/b")
    assert (
        not routes.has("PUT", "/boards/SCL")
        and not routes.has("GET", "/boards")
        and not routes.has("GET", "/")
    )


def test_a_key_is_taken_either_way_and_a_part_of_it_is_none(
    client: httpx.Client, keys: tuple[Path, str, str]
) -> None:
    token = keys[1]
    for headers in (
        {"x-api-key": token},
        {"authorization": f"Bearer {token}"},
        {"authorization": f"bearer {token}"},
    ):
        assert client.post("/predict", json=BODY, headers=headers).status_code == 200
    for wrong in (token[:-1], token + "x", token.swapcase(), token[8:]):
        assert client.post("/predict", json=BODY, headers={"x-api-key": wrong}).status_code == 401


def test_the_probes_and_the_documentation_want_none(client: httpx.Client) -> None:
    paths = ("/livez", "/readyz", "/health", "/docs", "/docs/", "/docs/start.js", "/openapi.json")
    assert {client.get(path).status_code for path in paths} == {200}


def test_keys_of_the_environment_open_the_door_to_other_machines(bundle_file: Path, tmp_path: Path) -> None:
    token = KeyStore(tmp_path / "elsewhere").create("tower", NOON)
    setting = CliRunner().invoke(main, ["keys", "export", "--state", str(tmp_path / "elsewhere")]).stdout
    words = ("--bundle", str(bundle_file), "--state", str(tmp_path / "state"), "--host", "0.0.0.0")
    for workers in ("1", "2"):
        with served(*words, "--workers", workers, keys=setting) as client:
            assert client.post("/predict", json=BODY).status_code == 401
            assert client.post("/predict", json=BODY, headers={"x-api-key": token}).status_code == 200
    with pytest.raises(AssertionError, match="PUNTUAL_KEYS holds no keys"), served(*words, keys=token):
        pass
    with pytest.raises(AssertionError, match="there is no key"), served(*words, keys="[]"):
        pass


def test_each_key_has_a_rate_of_its_own(bundle_file: Path, keys: tuple[Path, str, str]) -> None:
    state, tower, gate = keys
    with served("--bundle", str(bundle_file), "--state", str(state), rate="0.01", burst="2") as client:
        statuses = [client.get("/metrics", headers={"x-api-key": tower}) for _ in range(4)]
        assert [answer.status_code for answer in statuses] == [200, 200, 429, 429]
        assert 1 <= int(statuses[-1].headers["retry-after"]) <= 101
        assert statuses[-1].json()["status"] == 429
        assert client.get("/metrics", headers={"x-api-key": gate}).status_code == 200


def test_pages_of_origins_that_are_named_may_call_and_no_others(
    client: httpx.Client, keys: tuple[Path, str, str]
) -> None:
    asks = {"access-control-request-method": "POST", "access-control-request-headers": "x-api-key"}
    allowed = client.options("/predict", headers={"origin": PAGE} | asks)
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (204, PAGE)
    assert "x-api-key" in allowed.headers["access-control-allow-headers"]
    for origin in ("https://evil.example", f"{PAGE}.evil.example", "null"):
        refused = client.options("/predict", headers={"origin": origin} | asks)
        assert "access-control-allow-origin" not in refused.headers
    key = {"x-api-key": keys[1]}
    answer = client.post("/predict", json=BODY, headers={"origin": PAGE} | key)
    assert (answer.headers["access-control-allow-origin"], answer.headers["vary"]) == (PAGE, "origin")
    other = client.post("/predict", json=BODY, headers={"origin": "https://evil.example"} | key)
    assert "access-control-allow-origin" not in other.headers


def test_unless_they_are_named_no_page_may_call(bundle_file: Path, tmp_path: Path) -> None:
    words = ("--bundle", str(bundle_file), "--state", str(tmp_path), "--host", "0.0.0.0", "--no-auth")
    with served(*words) as client:
        answer = client.post("/predict", json=BODY, headers={"origin": PAGE})
        assert answer.status_code == 200
        assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/docs"), ("GET", "/nothing"), ("DELETE", "/predict"), ("POST", "/predict"), ("GET", "/livez")],
)
def test_browsers_are_told_to_take_care_with_every_answer(
    client: httpx.Client, keys: tuple[Path, str, str], method: str, path: str
) -> None:
    answer = client.request(method, path, headers={"x-api-key": keys[1]})
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "server" not in answer.headers


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "0"])
def test_an_open_door_to_other_machines_is_refused(bundle_file: Path, tmp_path: Path, host: str) -> None:
    words = ("--bundle", str(bundle_file), "--state", str(tmp_path), "--host", host)
    with pytest.raises(AssertionError, match="--no-auth"), served(*words):
        pass
