"""What a key may do: to read and predict always, to operate or to promote where it was made for that."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from api.conftest import FLIGHT, NOON, Server, running, two_models, until
from puntual.api.auth.api_keys import KeyStore, exported, parse_keys
from puntual.api.auth.rights import Right
from puntual.cli import main
from puntual.registry import Bundle, Registry

MARK = {"kind": "acknowledged", **FLIGHT}
CHANGES = [
    ("PUT", "/timetable", [FLIGHT]),
    ("POST", "/events", {"events": []}),
    ("POST", "/flights/marks", MARK),
    ("POST", "/models/reload", None),
]


class Service:
    """A server with two models, the first of which is champion, and keys that may one thing each."""

    def __init__(self, server: Server, registry: Registry, versions: list[str], keys: dict[str, str]) -> None:
        self.server, self.registry, self.versions, self._keys = server, registry, versions, keys

    def ask(self, key: str, method: str, path: str, body: object = None) -> httpx.Response:
        return self.server.client.request(method, path, json=body, headers={"x-api-key": self._keys[key]})


@pytest.fixture(scope="module")
def service(
    made_bundle: Bundle, other_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("rights")
    store = KeyStore(folder)
    registry, versions = two_models(folder / "models", made_bundle, other_bundle)
    keys = {right.value: store.create(right.value, NOON, [right]) for right in Right}
    keys["usual"] = store.create("usual", NOON)
    with running("--registry", registry.url, "--state", str(folder)) as server:
        yield Service(server, registry, versions, keys)


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_a_key_that_may_only_predict_changes_nothing(
    service: Service, method: str, path: str, body: object
) -> None:
    refused = service.ask("predict", method, path, body)
    assert refused.status_code == 403
    assert "--may operate" in refused.json()["detail"]
    assert service.ask("usual", method, path, body).status_code < 401
    assert service.ask("predict", "POST", "/predict", {"flights": [FLIGHT]}).status_code == 200
    assert service.ask("predict", "GET", "/timetable").status_code == 200
    assert service.ask("predict", "POST", "/nowhere").status_code == 404


def test_a_key_is_told_what_it_may(service: Service) -> None:
    assert service.ask("promote", "GET", "/key").json() == {"name": "promote", "may": ["predict", "promote"]}
    assert service.ask("usual", "GET", "/key").json() == {"name": "usual", "may": ["operate", "predict"]}
    assert service.server.client.get("/key").status_code == 401


def test_only_a_key_that_may_promote_sets_the_champion_and_sets_it_back(service: Service) -> None:
    first, second = service.versions
    for key in ("predict", "operate", "usual"):
        assert service.ask(key, "POST", f"/models/{second}/promote").status_code == 403
        assert service.ask(key, "POST", "/models/rollback").status_code == 403
        succession = service.ask(key, "GET", "/models/succession").json()
        assert (succession["may_change"], succession["obstacle"]) == (False, "key")
    assert service.ask("promote", "GET", "/models/succession").json() == {
        "champion": first,
        "former": None,
        "may_change": True,
        "why_not": None,
        "obstacle": None,
    }
    assert service.ask("promote", "POST", "/models/0123456789abcdef/promote").status_code == 404
    # Who has seen another champion than there is does nothing.
    late = service.ask("promote", "POST", f"/models/{second}/promote?instead_of={second[::-1]}")
    assert late.status_code == 409
    assert "meanwhile" in late.json()["detail"]

    promoted = service.ask("promote", "POST", f"/models/{second}/promote?instead_of={first}")
    assert promoted.json() == {"version": second, "previous": first, "answers": second}
    assert service.ask("predict", "GET", "/models/champion").json()["version"] == second
    assert service.ask("predict", "GET", "/models/succession").json()["former"] == first
    back = service.ask("promote", "POST", f"/models/rollback?instead_of={second}")
    assert back.json() == {"version": first, "previous": second, "answers": first}
    assert service.ask("promote", "POST", "/models/rollback").status_code == 409
    records = sorted((Path(service.registry.url) / "promotions").iterdir())
    assert [json.loads(record.read_text())["by"] for record in records] == [None, "promote", "promote"]
    assert until(lambda: b"key promote made" in service.server.messages.read_bytes())


def test_without_keys_nobody_sets_the_champion(client: httpx.Client) -> None:
    refused = client.post("/models/rollback")
    assert refused.status_code == 403
    assert "--no-auth" in refused.json()["detail"]
    succession = client.get("/models/succession").json()
    assert succession["may_change"] is False
    assert "bundle" in succession["why_not"]
    assert succession["obstacle"] == "bundle"
    assert client.get("/key").json() == {"name": "anonymous", "may": ["operate", "predict"]}


def test_a_registry_that_cannot_be_written_to_says_so(
    made_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry(tmp_path)
    registry.publish(made_bundle)
    assert registry.is_writable()
    monkeypatch.setattr("os.access", lambda *_: False)
    assert not registry.is_writable()


def test_keys_made_before_there_were_rights_operate(tmp_path: Path) -> None:
    created = CliRunner().invoke(
        main, ["keys", "create", "lead", "--may", "promote", "--state", str(tmp_path)]
    )
    assert created.exit_code == 0
    assert CliRunner().invoke(main, ["keys", "create", "tower", "--state", str(tmp_path)]).exit_code == 0
    keys = json.loads(exported(KeyStore(tmp_path).all()))
    assert [key["may"] for key in keys] == [["promote"], ["operate"]]
    former = [{name: value for name, value in key.items() if name != "may"} for key in keys]
    assert all(key.may == (Right.OPERATE,) for key in parse_keys(json.dumps(former)))
    listed = CliRunner().invoke(main, ["keys", "list", "--json", "--state", str(tmp_path)])
    assert [key["may"] for key in json.loads(listed.stdout)["keys"]] == [["promote"], ["operate"]]
