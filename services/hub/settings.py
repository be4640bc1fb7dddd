"""What the hub can be told by its environment."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from services.runtime.settings import PartnerName, Settings

EXAMPLE = Path(__file__).parents[2] / "examples" / "language-school"


class HubSettings(Settings):
    """Every one of them is LEADWIRE_<NAME>, or LEADWIRE_HUB_<NAME> for the hub alone."""

    SERVICE: ClassVar[str] = "hub"

    home: Path = Field(default=Path("var"), description="Folder of `leadwire up` for all its state.")
    shared_mailbox: bool = Field(
        default=False,
        description="Whether the folder `mailbox` of the home belongs to a catcher that runs apart: the hub"
        " then shows its letters.",
    )
    catcher_host: str = Field(default="127.0.0.1", description="Address that the catcher's SMTP listens on.")
    catcher_port: int = Field(
        default=2526, ge=0, le=65535, description="Port of the catcher's SMTP, when it runs apart."
    )
    definitions: Path = Field(
        default=EXAMPLE,
        description="Folder that `leadwire up` applies when nothing is active yet.",
    )
    nats_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="Port of the bus that `leadwire up` starts; 0 takes a free one at first, then that one.",
    )
    partners: tuple[PartnerName, ...] = Field(
        default=(),
        description='Partners with a stream by `leadwire provision`, read by connectors, as JSON: ["acme"].',
    )
    published_on: str = Field(
        default="127.0.0.1",
        description="Address that the proxy in front is published on; the catcher's pages, which ask for no"
        " token, are there only while it is loopback.",
    )
    deployment: Path | None = Field(
        default=None,
        description="Folder in which `leadwire provision` keeps the keys and passwords of services that run"
        " apart; without it the command makes streams and tables alone.",
    )
    database_server: str = Field(
        default="postgres:5432", description="Host and port of PostgreSQL as those services reach it."
    )
    address_http: str = Field(
        default="http://127.0.0.1:8080", description="Where people reach the hub; only told to them."
    )
    address_mail: str = Field(
        default="127.0.0.1:2525", description="Where mail servers reach the inlet; only told to people."
    )
    address_bus: str = Field(
        default="nats://127.0.0.1:4222", description="Where partners reach the bus; only told to people."
    )
