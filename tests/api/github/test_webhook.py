"""Deliveries of GitHub: refused unless signed, taken once, and followed by the champion."""

import json
import socket
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import settings as drawing
from hypothesis import strategies as st

from api.conftest import Server, answer_of, request_of, running, until
from puntual.api.github import deliveries as github
from puntual.api.github.deliveries import DeliveryLog
from puntual.cli import main
from puntual.registry import Bundle, Registry

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECRET = "It's a Secret to Everybody"
PING: dict[str, Any] = {"zen": "Keep it logically awesome.", "hook_id": 1}
PUBLISHED = {"action": "published", "release": {"tag_name": "v1"}}


def commit(*modified: str, added: tuple[str, ...] = (), removed: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"id": "7", "added": list(added), "modified": list(modified), "removed": list(removed)}


def push(*commits: dict[str, Any], branch: str = "main", **more: Any) -> dict[str, Any]:
    about = {"ref": f"refs/heads/{branch}", "repository": {"id": 1, "default_branch": "main"}}
    return {**about, "commits": list(commits), **more}


POINTED = push(commit("README.md"), commit("models/model_to_deploy"))


def deliver(
    client: httpx.Client,
    event: str,
    what: Any,
    *,
    delivery: str | None = None,
    secret: str = SECRET,
    **headers: str,
) -> httpx.Response:
    """Send a delivery as GitHub does."""
    body = what if isinstance(what, bytes) else json.dumps(what).encode()
    sent = {
        "content-type": "application/json",
        "x-github-event": event,
        "x-github-delivery": delivery or str(uuid.uuid4()),
        "x-hub-signature-256": github.signature_of(secret, body),
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/webhooks/github", content=body, headers=sent)


def counted(server: Server, outcome: str) -> float:
    return server.metric("puntual_webhooks_total", outcome=outcome)


@pytest.fixture(scope="module")
def server(bundle_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    words = ("--bundle", str(bundle_file), "--state", str(tmp_path_factory.mktemp("state")))
    with running(*words, webhook_secret=SECRET, body_limit="4096") as running_server:
        yield running_server


@pytest.fixture(scope="module")
def client(server: Server) -> httpx.Client:
    return server.client


@pytest.fixture
def bundles(made_bundle: Bundle, other_bundle: Bundle, tmp_path: Path) -> tuple[Registry, str, str]:
    """A registry with two bundles, the first of which is champion."""
    registry = Registry(tmp_path / "models")
    first, second = registry.publish(made_bundle), registry.publish(other_bundle)
    registry.set_champion(first, NOON, previous=None)
    return registry, first, second


@contextmanager
def following(registry: Registry, **settings: str) -> Iterator[Server]:
    """Start a service that looks for no other champion unless it is told to."""
    state = Path(registry.url).parent / "state"
    words = ("--registry", registry.url, "--state", str(state))
    with running(*words, webhook_secret=SECRET, poll="3600", **settings) as server:
        yield server


def champion(server: Server) -> str:
    return str(server.client.get("/models/champion").json()["version"])


def test_a_ping_is_answered_and_counted(server: Server) -> None:
    before = counted(server, "pong")
    answer = deliver(server.client, "ping", PING)
    assert (answer.status_code, answer.json()) == (200, {"outcome": "pong"})
    assert counted(server, "pong") == before + 1


def test_the_signature_is_the_one_of_githubs_documentation() -> None:
    body = b"Hello, World!"
    signature = b"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert github.is_signed("It's a Secret to Everybody", body, signature)
    assert not github.is_signed("It's a secret to everybody", body, signature)
    assert not github.is_signed("It's a Secret to Everybody", body + b"\n", signature)


def test_the_bytes_are_what_is_signed_and_not_what_they_mean(client: httpx.Client) -> None:
    spaced = b'{ "zen" : "\\u00e9\xc3\xa9" }\r\n'
    assert deliver(client, "ping", spaced).status_code == 200
    signature = github.signature_of(SECRET, json.dumps(json.loads(spaced)).encode())
    assert deliver(client, "ping", spaced, x_hub_signature_256=signature).status_code == 401


@given(st.data())
@drawing(max_examples=60, deadline=None)
def test_whatever_bit_is_flipped_the_delivery_is_refused(client: httpx.Client, data: st.DataObject) -> None:
    body = data.draw(st.binary(min_size=1, max_size=300))
    bit = data.draw(st.integers(0, 8 * len(body) - 1))
    altered = bytearray(body)
    altered[bit // 8] ^= 1 << bit % 8
    signature = github.signature_of(SECRET, body)
    assert deliver(client, "ping", bytes(altered), x_hub_signature_256=signature).status_code == 401


@given(st.integers(0, 63), st.sampled_from("0123456789abcdefABCDEF g\xff"))
@drawing(max_examples=60, deadline=None)
def test_whatever_digit_of_the_signature_is_another_the_delivery_is_refused(
    client: httpx.Client, place: int, digit: str
) -> None:
    body = json.dumps(PING).encode()
    right = github.signature_of(SECRET, body)
    start = len("sha256=") + place
    wrong = (right[:start] + digit + right[start + 1 :]).encode("latin-1")
    # A space at the end of a header is no part of it, and the client refuses to send one.
    if wrong.strip() == wrong != right.encode():
        headers = {"content-type": "application/json", "x-hub-signature-256": wrong}
        assert client.post("/webhooks/github", content=body, headers=headers).status_code == 401


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha256=",
        "sha1=7d38cdd689735b008b3c702edd92eea23791c5f6",
        github.signature_of("another", json.dumps(PING).encode()),
        github.signature_of("", json.dumps(PING).encode()),
        github.signature_of(SECRET, json.dumps(PING).encode()).removeprefix("sha256="),
        "x" * 10_000,
    ],
)
def test_a_wrongly_signed_delivery_is_refused_and_counted(server: Server, signature: str) -> None:
    before = counted(server, "wrong_signature")
    answer = deliver(server.client, "ping", PING, x_hub_signature_256=signature)
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert "PUNTUAL_WEBHOOK_SECRET" in answer.json()["detail"]
    assert SECRET not in answer.text
    assert counted(server, "wrong_signature") == before + 1


def test_an_unsigned_delivery_is_refused_and_counted_whatever_key_it_has(server: Server) -> None:
    before = counted(server, "unsigned")
    for headers in ({}, {"x-hub-signature": "sha1=7d38cdd689735b008b3c702edd92eea23791c5f6"}):
        answer = server.client.post("/webhooks/github", json=PING, headers=headers)
        assert answer.status_code == 401
        assert "X-Hub-Signature-256" in answer.json()["detail"]
    assert counted(server, "unsigned") == before + 2


def test_an_oversized_delivery_is_refused_and_counted(server: Server) -> None:
    before = counted(server, "too_large")
    answer = deliver(server.client, "ping", PING | {"more": "x" * 4096})
    assert answer.status_code == 413
    assert "PUNTUAL_BODY_LIMIT" in answer.json()["detail"]
    with server.connect() as connection:
        body = b"1000\r\n" + b"x" * 4096 + b"\r\n1\r\nx\r\n0\r\n\r\n"
        chunked = request_of(
            body, "/webhooks/github", transfer_encoding="chunked", x_hub_signature_256="sha256=1"
        )
        connection.sendall(chunked)
        assert answer_of(connection).startswith(b"HTTP/1.1 413 ")
    assert counted(server, "too_large") == before + 2


def test_a_delivery_of_another_media_type_is_refused_with_what_to_choose(server: Server) -> None:
    before = counted(server, "media_type")
    form = "application/x-www-form-urlencoded"
    answer = deliver(server.client, "ping", b"payload=%7B%7D", content_type=form)
    assert answer.status_code == 415
    assert "choose application/json" in answer.json()["detail"]
    assert counted(server, "media_type") == before + 1


@pytest.mark.parametrize(
    ("event", "body"),
    [
        ("ping", b""),
        ("ping", b"{"),
        ("ping", b"\xff"),
        ("push", b"[]"),
        ("push", b'{"ref": "refs/heads/main"}'),
        ("push", json.dumps(push(commit()) | {"commits": [1]}).encode()),
        ("release", b"{}"),
        ("issues", b"[" * 4000),
    ],
)
def test_a_signed_body_that_is_no_event_is_refused(server: Server, event: str, body: bytes) -> None:
    before = counted(server, "malformed")
    answer = deliver(server.client, event, body)
    assert answer.status_code == 400
    assert counted(server, "malformed") == before + 1


@pytest.mark.parametrize("delivery", ["", "../../etc/passwd", "a/b", "x" * 65, "a b"])
def test_an_id_that_is_none_is_refused(client: httpx.Client, delivery: str) -> None:
    assert deliver(client, "ping", PING, x_github_delivery=delivery).status_code == 400
    assert deliver(client, "", PING).status_code == 400


def test_a_repeated_delivery_is_refused_and_counted(server: Server) -> None:
    before = counted(server, "repeated")
    once = str(uuid.uuid4())
    answers = [deliver(server.client, "ping", PING, delivery=once) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 409, 409]
    assert counted(server, "repeated") == before + 2


def test_a_delivery_that_was_refused_may_come_again(client: httpx.Client) -> None:
    once = str(uuid.uuid4())
    assert deliver(client, "ping", PING, delivery=once, secret="another").status_code == 401
    assert deliver(client, "push", b"{}", delivery=once).status_code == 400
    assert deliver(client, "ping", PING, delivery=once).status_code == 200


def test_of_duplicates_at_once_one_is_taken_whichever_worker_they_reach(
    bundle_file: Path, tmp_path: Path
) -> None:
    words = ("--bundle", str(bundle_file), "--state", str(tmp_path), "--workers", "2")

    def send(server: Server, once: str) -> int:
        # On a connection of its own, so that either worker may take it.
        with httpx.Client(base_url=server.url, timeout=60) as client:
            return deliver(client, "ping", PING, delivery=once).status_code

    with running(*words, webhook_secret=SECRET) as server, ThreadPoolExecutor(4) as many:
        assert until(lambda: server.messages.read_text().count("startup complete") == 2)
        for _ in range(5):
            once = str(uuid.uuid4())
            statuses = sorted(many.map(lambda _, once=once: send(server, once), range(12)))
            assert statuses == [200] + [409] * 11
        assert until(lambda: counted(server, "repeated") == 55)
        assert counted(server, "pong") == 5
    with running(*words, webhook_secret=SECRET) as server:
        assert send(server, once) == 409


def test_the_newest_thousand_deliveries_are_remembered(tmp_path: Path) -> None:
    taken = DeliveryLog(tmp_path)
    assert all(taken.claim(f"{number}") for number in range(1_050))
    assert len(list((tmp_path / "deliveries").iterdir())) == 1_000
    assert not taken.claim("1049")


def test_a_delivery_that_cannot_be_remembered_is_not_taken(bundle_file: Path, tmp_path: Path) -> None:
    (tmp_path / "deliveries").write_text("in the way")
    words = ("--bundle", str(bundle_file), "--state", str(tmp_path))
    with running(*words, webhook_secret=SECRET) as server:
        assert deliver(server.client, "ping", PING).status_code == 503
        assert counted(server, "failed") == 1


def test_bodies_that_are_awaited_are_few(bundle_file: Path, tmp_path: Path) -> None:
    words = ("--bundle", str(bundle_file), "--state", str(tmp_path))
    slow = request_of(b"{}", "/webhooks/github", x_hub_signature_256="sha256=1", expect="100-continue")
    with running(*words, webhook_secret=SECRET, patience="3") as server:
        connections: list[socket.socket] = [server.connect() for _ in range(4)]
        for connection in connections:
            connection.sendall(slow[:-2])
            assert connection.recv(1_000).startswith(b"HTTP/1.1 100 ")
        assert deliver(server.client, "ping", PING).status_code == 503
        for connection in connections:
            assert answer_of(connection).startswith(b"HTTP/1.1 408 ")
            connection.close()
        assert deliver(server.client, "ping", PING).status_code == 200
        assert (counted(server, "busy"), counted(server, "interrupted")) == (1, 4)


@pytest.mark.parametrize(
    ("event", "what"),
    [
        ("push", POINTED),
        ("push", push(commit(added=("models/model_to_deploy",)))),
        ("push", push(forced=True)),
        ("push", push(*[commit("README.md")] * 20)),
        ("push", push(commit(*map(str, range(3_000))))),
        ("release", PUBLISHED),
    ],
    ids=["modified", "added", "forced", "many commits", "many files", "release"],
)
def test_what_may_deploy_another_model_does(event: str, what: Any) -> None:
    assert github.deploys(event, json.dumps(what).encode())


@pytest.mark.parametrize(
    ("event", "what"),
    [
        ("push", push(commit("README.md", "models/README.md", "other/models/model_to_deploy"))),
        ("push", push(commit("models/model_to_deploy"), branch="try")),
        ("push", push(commit("models/model_to_deploy")) | {"ref": "refs/tags/main"}),
        ("push", push(commit(removed=("models/model_to_deploy",)))),
        ("push", push(deleted=True, forced=True)),
        ("release", PUBLISHED | {"action": "created"}),
        ("issues", {"action": "published"}),
    ],
    ids=["other files", "other branch", "a tag", "removed", "branch deleted", "a draft", "other event"],
)
def test_what_deploys_no_model_is_ignored(server: Server, event: str, what: Any) -> None:
    before = counted(server, "ignored")
    answer = deliver(server.client, event, what)
    assert (answer.status_code, answer.json()) == (200, {"outcome": "ignored"})
    assert counted(server, "ignored") == before + 1


@pytest.mark.parametrize(("event", "what"), [("push", POINTED), ("release", PUBLISHED)])
def test_the_champion_is_fetched_when_the_pointer_was_pushed_or_a_release_published(
    bundles: tuple[Registry, str, str], event: str, what: Any
) -> None:
    registry, first, second = bundles
    with following(registry) as server:
        registry.set_champion(second, NOON, previous=first)
        assert deliver(server.client, "push", push(commit("README.md"))).status_code == 200
        assert deliver(server.client, event, what, secret="another").status_code == 401
        assert champion(server) == first
        answer = deliver(server.client, event, what)
        assert (answer.status_code, answer.json()) == (202, {"outcome": "reloading"})
        assert until(lambda: champion(server) == second)
        assert counted(server, "reloading") == 1
        assert server.metric("puntual_model_swaps_total", outcome="done") == 1


def test_a_bad_bundle_is_told_in_the_log_and_the_former_champion_goes_on(
    bundles: tuple[Registry, str, str],
) -> None:
    registry, first, second = bundles
    with following(registry) as server:
        registry.set_champion(second, NOON, previous=first)
        (Path(registry.url) / f"{second}.puntual").write_bytes(b"a bundle")
        assert deliver(server.client, "push", POINTED).status_code == 202
        assert until(lambda: server.metric("puntual_model_swaps_total", outcome="refused") == 1)
        assert until(lambda: "the former champion goes on" in server.messages.read_text())
        assert champion(server) == first


def test_without_a_secret_no_delivery_is_taken(bundle_file: Path, tmp_path: Path) -> None:
    with running("--bundle", str(bundle_file), "--state", str(tmp_path), "--no-auth") as server:
        for secret in ("", SECRET):
            answer = deliver(server.client, "ping", PING, secret=secret)
            assert answer.status_code == 404
            assert "PUNTUAL_WEBHOOK_SECRET" in answer.json()["detail"]
        assert counted(server, "off") == 2


def test_where_all_else_wants_a_key_a_signature_is_enough(bundle_file: Path, tmp_path: Path) -> None:
    words = ("--bundle", str(bundle_file), "--state", str(tmp_path))
    with running(*words, webhook_secret=SECRET, auth="always") as server:
        assert server.client.get("/models/champion").status_code == 401
        assert server.client.post("/models/reload").status_code == 401
        assert deliver(server.client, "ping", PING).status_code == 200


def pinged(url: str, secret: str | None) -> Result:
    return CliRunner().invoke(main, ["webhook", "test", url], env={"PUNTUAL_WEBHOOK_SECRET": secret})


@pytest.mark.parametrize("path", ["", "/", "/webhooks/github"])
def test_the_command_shows_the_answer_to_its_ping(server: Server, path: str) -> None:
    shown = pinged(server.url + path, SECRET)
    assert (shown.exit_code, shown.stdout) == (0, '{"outcome":"pong"}\n')
    assert f"{server.url}/webhooks/github answered 200" in shown.stderr


def test_the_command_fails_where_the_ping_is_refused_and_says_why(server: Server) -> None:
    wrong = pinged(server.url, "another")
    assert (wrong.exit_code, json.loads(wrong.stdout)["status"]) == (1, 401)
    assert "not signed with the secret" in wrong.stdout
    elsewhere = pinged(f"{server.url}/livez", SECRET)
    assert (elsewhere.exit_code, json.loads(elsewhere.stdout)["status"]) == (1, 405)


def test_the_command_says_what_is_missing_or_does_not_answer(server: Server) -> None:
    assert "set PUNTUAL_WEBHOOK_SECRET" in pinged(server.url, None).stderr
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        away = pinged(f"http://127.0.0.1:{silent.getsockname()[1]}", SECRET)
    assert (away.exit_code, away.stdout) == (1, "")
    assert "does not answer (Connection refused)" in away.stderr
    for url in ("127.0.0.1:8000", "file:///etc/passwd", "http://", "http://host:x", "http://[", ""):
        refused = pinged(url, SECRET)
        assert (url, refused.exit_code) == (url, 1)
        assert "is no address of a service" in refused.stderr
    for url in ("http://ho st", f"http://{'a' * 70}.example", "http://127.0.0.1/á"):
        assert "does not answer" in pinged(url, SECRET).stderr


def test_the_command_says_so_where_no_service_of_this_kind_answers() -> None:
    with socket.socket() as listening, ThreadPoolExecutor(1) as beside:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"220 mail\r\n")

        beside.submit(answer)
        running_server = pinged(f"http://127.0.0.1:{listening.getsockname()[1]}", SECRET)
    assert (running_server.exit_code, running_server.exception.__class__) == (1, SystemExit)
    assert "does not answer (220 mail" in running_server.stderr
