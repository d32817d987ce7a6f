"""Settings come from the environment alone, and say what is wrong with a value."""

import pytest

from puntual.api.server import checked
from puntual.errors import SettingError, SigningKeyError
from puntual.settings import Settings, listed, read_settings


def test_what_is_not_set_has_its_default() -> None:
    assert read_settings({"HOME": "/"}) == Settings()


def test_values_are_read_by_their_type() -> None:
    settings = read_settings(
        {"PUNTUAL_PORT": "9000", "PUNTUAL_RATE": "2.5", "PUNTUAL_CORS_ORIGINS": "http://a, http://b"}
    )
    assert (settings.port, settings.rate, settings.cors_origins) == (9000, 2.5, ("http://a", "http://b"))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PUNTUAL_PORT", "70000", "PUNTUAL_PORT is '70000'"),
        ("PUNTUAL_WORKERS", "many", "PUNTUAL_WORKERS is 'many'"),
        ("PUNTUAL_PROT", "1", "did you mean 'PUNTUAL_PORT'"),
    ],
)
def test_a_setting_that_cannot_be_is_named(name: str, value: str, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        read_settings({name: value})


def test_settings_survive_the_environment_of_another_process() -> None:
    settings = Settings(port=1, cors_origins=("http://a",), journal="off")
    assert read_settings(settings.environment()) == settings


def test_a_password_is_not_shown() -> None:
    shown = listed(Settings(journal="postgresql+psycopg://me:secret@host/db"))
    assert not any("secret" in one.value for one in shown)
    assert all(one.meaning for one in shown)


def test_a_secret_is_not_shown_and_reaches_the_workers_all_the_same() -> None:
    secrets = {"PUNTUAL_WEBHOOK_SECRET": "open sesame", "PUNTUAL_KEYS": '["open sesame"]'}
    values = {one.name: one.value for one in listed(read_settings(secrets))}
    assert {name: values[name] for name in secrets} == dict.fromkeys(secrets, "***")
    assert {one.value for one in listed(Settings()) if one.name in secrets} == {""}
    assert read_settings(read_settings(secrets).environment()) == read_settings(secrets)


def test_trusted_keys_are_a_list_and_those_that_are_none_keep_the_service_from_starting() -> None:
    settings = read_settings({"PUNTUAL_TRUSTED_KEYS": "AAAA, BBBB"})
    assert settings.trusted_keys == ("AAAA", "BBBB")
    assert read_settings(settings.environment()) == settings
    with pytest.raises(SigningKeyError, match="'AAAA': no public Ed25519 key"):
        checked(settings)
