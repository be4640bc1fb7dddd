from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import Field, ValidationError

from services.runtime.settings import Settings, mistakes, settings_of


class BellSettings(Settings):
    SERVICE: ClassVar[str] = "bell"

    rope: int = Field(default=3, description="Metres.")


def dsn(settings: Settings) -> str:
    return settings.database_url.get_secret_value()


def test_a_service_has_its_own_value_before_the_one_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADWIRE_DATABASE_URL", "postgresql://all")
    monkeypatch.setenv("LEADWIRE_BELL_DATABASE_URL", "postgresql://bell")
    assert dsn(BellSettings()) == dsn(settings_of("bell")) == "postgresql://bell"
    assert dsn(Settings()) == dsn(settings_of("clock")) == "postgresql://all"


def test_a_secret_may_be_in_a_file_named_by_a_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "dsn").write_text("postgresql://file\n")
    monkeypatch.setenv("LEADWIRE_DATABASE_URL_FILE", str(tmp_path / "dsn"))
    assert dsn(BellSettings()) == "postgresql://file"


def test_a_secret_may_be_in_the_folder_of_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "leadwire_database_url").write_text("postgresql://all")
    (tmp_path / "leadwire_bell_database_url").write_text("postgresql://bell")
    monkeypatch.setenv("LEADWIRE_SECRETS", str(tmp_path))
    assert dsn(BellSettings()) == "postgresql://bell"
    assert dsn(Settings()) == "postgresql://all"


def test_an_argument_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADWIRE_ROPE", "5")
    assert BellSettings().rope == 5
    assert BellSettings(rope=7).rope == 7


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADWIRE_OTLP_ENDPOINT", "")
    assert Settings().otlp_endpoint is None


def test_secrets_are_not_printed() -> None:
    settings = Settings(database_url="postgresql://u:hidden@h/d", nats_url="nats://u:hidden@h")
    assert "hidden" not in repr(settings)


def test_a_mistake_names_the_variable_and_not_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADWIRE_PORT", "hidden")
    with pytest.raises(ValidationError) as caught:
        Settings()
    (line,) = mistakes(caught.value)
    assert line.startswith("LEADWIRE_PORT: ")
    assert "hidden" not in line


def test_an_inbox_shorter_than_the_stream_is_refused() -> None:
    with pytest.raises(ValidationError, match="LEADWIRE_KEEP_INBOX_DAYS"):
        Settings(keep_inbox_days=14, keep_facts_days=14)


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())
