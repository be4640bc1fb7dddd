"""Settings from the environment, prefix LEADWIRE_; secrets may come from files.

For a setting `database_url` of service `x` the first of these that is set wins:
LEADWIRE_X_DATABASE_URL, the content of the file named by LEADWIRE_X_DATABASE_URL_FILE, the file
`leadwire_x_database_url` in the folder LEADWIRE_SECRETS; then the same three without the `X_`,
which hold for every service.
"""

import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import Field, SecretStr, StringConstraints, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from services.runtime.streams import PARTNER_NAME

PREFIX = "LEADWIRE_"
REFERENCES = "definitions.env"
"""Values for `${NAME}` in definitions, NAME=value a line, in the folder LEADWIRE_SECRETS."""
PartnerName: TypeAlias = Annotated[str, StringConstraints(pattern=f"^{PARTNER_NAME.pattern}$")]


class Settings(BaseSettings):
    """What every service can be told. A service inherits it, sets SERVICE, adds its own fields."""

    SERVICE: ClassVar[str] = ""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True)

    nats_url: SecretStr = Field(
        default=SecretStr("nats://127.0.0.1:4222"),
        description="Bus address, or several separated by commas; may hold user:password.",
    )
    nats_seed_file: Path | None = Field(
        default=None, description="File with the NKey seed this service signs in with."
    )
    nats_inbox_prefix: str = Field(
        default="_INBOX",
        description="Subject prefix for replies; one per user under tight permissions.",
    )
    nats_replicas: int = Field(
        default=1, ge=1, le=5, description="Copies of every stream: 1 on one node, 3 on a cluster."
    )
    database_url: SecretStr = Field(
        default=SecretStr("postgresql://127.0.0.1:5432/leadwire"),
        description="PostgreSQL address, with the role of this service.",
    )
    database_connections: int = Field(
        default=4, ge=2, le=100, description="Most connections this service opens."
    )
    keep_intake_days: int = Field(
        default=30, ge=1, description="Days that raw deliveries are kept on the bus."
    )
    keep_facts_days: int = Field(
        default=14, ge=1, description="Days that facts are kept, on the bus and in the outbox alike."
    )
    keep_inbox_days: int = Field(
        default=30, ge=2, description="Days that handled event ids are remembered; more than facts are kept."
    )
    keep_journal_days: int = Field(default=90, ge=1, description="Days that `leadwire trace` can look back.")
    intake_max_bytes: int = Field(
        default=1024**3,
        ge=1024**2,
        description="Bytes of raw deliveries kept; when full, new ones are refused.",
    )
    host: str = Field(default="127.0.0.1", description="Address that HTTP listens on.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port that HTTP listens on.")
    listen_within: float = Field(
        default=0,
        ge=0,
        description="Seconds that HTTP waits for the service to be ready before it listens anyway: a proxy"
        " then goes to another replica meanwhile.",
    )
    drain_seconds: float = Field(
        default=0,
        ge=0,
        description="Seconds that requests are still answered after the service was told to stop and new"
        " connections are sent away.",
    )
    trusted_proxies: str = Field(
        default="127.0.0.1",
        description="Addresses whose X-Forwarded-* headers are believed, separated by commas.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severity that is logged."
    )
    log_format: Literal["console", "json"] = Field(
        default="json", description="json for machines, console for people."
    )
    otlp_endpoint: str | None = Field(
        default=None,
        description="Base URL of the OTLP/HTTP collector that gets the traces; none without it.",
    )

    @model_validator(mode="after")
    def _remember_longer_than_kept(self) -> Self:
        if self.keep_inbox_days <= self.keep_facts_days:
            raise ValueError(
                "LEADWIRE_KEEP_INBOX_DAYS must be more than LEADWIRE_KEEP_FACTS_DAYS:"
                " else a fact still on the bus could be handled twice"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then what is set for this service, then what is set for all."""
        own = (f"{PREFIX}{cls.SERVICE.upper()}_",) if cls.SERVICE else ()
        folder = os.environ.get(f"{PREFIX}SECRETS")
        sources: list[PydanticBaseSettingsSource] = [init_settings]
        for prefix in (*own, PREFIX):
            sources.append(EnvSettingsSource(settings_cls, env_prefix=prefix))
            sources.append(FileNamedByEnvironment(settings_cls, prefix))
            if folder:
                sources.append(SecretsSettingsSource(settings_cls, folder, env_prefix=prefix))
        return tuple(sources)


class FileNamedByEnvironment(PydanticBaseSettingsSource):
    """Reads a setting from the file that <prefix><SETTING>_FILE names, without outer blanks."""

    def __init__(self, settings_cls: type[BaseSettings], prefix: str) -> None:
        super().__init__(settings_cls)
        self._prefix = prefix

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The content of the named file, or None."""
        path = os.environ.get(f"{self._prefix}{field_name.upper()}_FILE")
        return (Path(path).read_text().strip() if path else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Every setting found in a file."""
        found = {}
        for name, field in self.settings_cls.model_fields.items():
            value, _, _ = self.get_field_value(field, name)
            if value is not None:
                found[name] = value
        return found


def pairs(text: str) -> dict[str, str]:
    """NAME=value lines; other lines are left out."""
    found = (line.partition("=") for line in text.splitlines() if not line.lstrip().startswith("#"))
    return {name.strip(): value.strip() for name, mark, value in found if mark and name.strip()}


def put_references(environment: MutableMapping[str, str]) -> None:
    """Let `${NAME}` in definitions be resolved by the file of secrets; the environment goes first."""
    file = Path(environment.get(f"{PREFIX}SECRETS") or "") / REFERENCES
    if f"{PREFIX}SECRETS" in environment and file.is_file():
        for name, value in pairs(file.read_text()).items():
            environment.setdefault(name, value)


def settings_of(service: str) -> Settings:
    """The settings every service has, as set for this one."""
    own = type("OwnSettings", (Settings,), {"SERVICE": service, "__module__": __name__})
    found: Settings = own()
    return found


def mistakes(error: ValidationError, service: str = "") -> list[str]:
    """What is wrong in the environment, one line per setting, without the values."""
    own = f" (or {PREFIX}{service.upper()}_...)" if service else ""
    return [
        f"{PREFIX}{'.'.join(map(str, row['loc'])).upper()}{own}: {row['msg']}" if row["loc"] else row["msg"]
        for row in error.errors(include_input=False, include_url=False)
    ]
