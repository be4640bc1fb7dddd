"""What the hub can be told by its environment."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from services.runtime.settings import Settings

EXAMPLE = Path(__file__).parents[2] / "examples" / "language-school"


class HubSettings(Settings):
    """Every one of them is LEADWIRE_<NAME>, or LEADWIRE_HUB_<NAME> for the hub alone."""

    SERVICE: ClassVar[str] = "hub"

    home: Path = Field(default=Path("var"), description="Folder of `leadwire up` for all its state.")
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
    partners: tuple[str, ...] = Field(
        default=(), description='Partners that `leadwire provision` makes streams for, as JSON: ["acme"].'
    )
