"""`puntual health`, as the image's health check runs it."""

from click.testing import CliRunner, Result

from api.conftest import Server, running
from puntual.cli import main


def health(**settings: str) -> Result:
    return CliRunner().invoke(
        main, ["health"], env={f"PUNTUAL_{name.upper()}": value for name, value in settings.items()}
    )


def test_a_service_with_a_model_is_healthy(server: Server):
    result = health(port=str(server.port))
    assert result.exit_code == 0, result.output
    assert result.output == f"{server.url}/readyz is ready\n"


def test_a_service_that_listens_on_all_addresses_is_asked_on_this_machine(server: Server):
    assert health(port=str(server.port), host="0.0.0.0").exit_code == 0


def test_a_service_without_a_model_is_not_healthy_yet(tmp_path):
    (tmp_path / "models").mkdir()
    with running("--registry", str(tmp_path / "models"), "--state", str(tmp_path)) as server:
        result = health(port=str(server.port))
    assert result.exit_code == 1
    assert "answers 503, expected 200: no model is loaded yet" in result.output


def test_where_nothing_listens_nothing_is_healthy():
    result = health(port="1")
    assert result.exit_code == 1
    assert "does not answer" in result.output
