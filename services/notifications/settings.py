"""What notifications can be told by the environment."""

from pathlib import Path
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from services.runtime.settings import Settings


class NotificationsSettings(Settings):
    """Where letters are handed over, and what stands in them."""

    SERVICE: ClassVar[str] = "notifications"

    smtp_host: str = Field(default="127.0.0.1", description="Server that takes outgoing letters.")
    smtp_port: int = Field(default=2526, ge=1, le=65535, description="Its port.")
    smtp_tls: Literal["none", "starttls", "tls"] = Field(
        default="none",
        description="none for loopback only; starttls is demanded, not tried; tls from the first byte.",
    )
    smtp_user: str | None = Field(default=None, description="User to sign in with.")
    smtp_password: SecretStr | None = Field(default=None, description="Its password.")
    smtp_local_hostname: str = Field(
        default="localhost", min_length=1, description="Name this hub greets the server with (EHLO)."
    )
    smtp_connections: int = Field(default=4, ge=1, le=50, description="Most connections kept open.")
    smtp_letters_per_connection: int = Field(
        default=100, ge=1, description="Letters after which a connection is replaced."
    )
    smtp_idle_seconds: float = Field(
        default=15, gt=0, description="Seconds after which an unused connection is closed."
    )
    smtp_command_seconds: float = Field(
        default=60, gt=0, description="Seconds to wait for one reply of the server."
    )
    smtp_letter_seconds: float = Field(
        default=120, gt=0, description="Seconds that handing over one letter may take in all."
    )
    logbooks: Path | None = Field(
        default=None,
        description="Folder, the same one for all replicas of a machine, where each notes what it hands over:"
        " then a kill leaves only letters unknown that were on the wire. Without it, all that was claimed.",
    )
    message_domain: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$",
        description="Right half of Message-IDs; the domain of the sender's address when not set.",
    )
    public_url: str = Field(
        default="http://127.0.0.1:8080",
        description="Where the outside world reaches this hub; https, or mail programs ignore one-click"
        " unsubscribing (RFC 8058).",
    )
    unsubscribe_secret: SecretStr = Field(
        min_length=16,
        description="Signs unsubscribe links; at least 16 characters. Links die with it.",
    )
    unsubscribe_secret_before: SecretStr | None = Field(
        default=None, min_length=16, description="The secret before a change: its links still work."
    )

    @property
    def lease_seconds(self) -> float:
        """How long a message may be on its way before its sender is given up."""
        return self.smtp_letter_seconds * 1.5 + 5

    @field_validator("public_url")
    @classmethod
    def _is_web_address(cls, value: str) -> str:
        parts = urlsplit(value)
        plain = value.isascii() and value.isprintable() and not set(value) & set(' <>"')
        if parts.scheme not in ("http", "https") or not parts.hostname or not plain or parts.query:
            raise ValueError("must be an address such as https://crm.example.com")
        return value.rstrip("/")
