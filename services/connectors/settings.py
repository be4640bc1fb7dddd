"""What this service can be told by its environment."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from services.runtime.settings import PartnerName, Settings


class ConnectorsSettings(Settings):
    """Every one of them is LEADWIRE_<NAME>, or LEADWIRE_CONNECTORS_<NAME> for this service alone."""

    SERVICE: ClassVar[str] = "connectors"

    intake_limit: int = Field(
        default=10 * 1024 * 1024, ge=1024, description="Largest delivery taken, in bytes."
    )
    intake_deadline: float = Field(
        default=4.0, gt=0, le=30, description="Seconds to try the bus before a sender is sent away."
    )
    partners: tuple[PartnerName, ...] = Field(
        default=(),
        description='Partners with a stream by `leadwire provision`, read by connectors, as JSON: ["acme"].',
    )
    inlet_url: str = Field(
        default="",
        description="Where vendors reach this hub, such as https://hub.example: some sign the address they"
        " call. Without it the address is taken from the request.",
    )
    smtp_inlet_host: str = Field(default="127.0.0.1", description="Address that SMTP listens on.")
    smtp_inlet_port: int = Field(
        default=2525, ge=0, le=65535, description="Port that SMTP listens on; 0 picks a free one."
    )
    smtp_name: str = Field(default="localhost", description="Host name that the SMTP greeting tells.")
    smtp_sessions: int = Field(
        default=200, ge=1, description="Most SMTP sessions at once; more are asked to come later."
    )
    smtp_hops: int = Field(
        default=50, ge=1, description="Most Received headers; a mail with more runs in a circle."
    )
    smtp_certificate: Path | None = Field(default=None, description="PEM chain; with it STARTTLS is offered.")
    smtp_key: Path | None = Field(default=None, description="PEM key of the certificate.")
