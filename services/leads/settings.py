"""What leads can be told by the environment."""

from typing import ClassVar

from pydantic import Field

from services.runtime.settings import Settings


class LeadsSettings(Settings):
    """The settings that every service has, and how calls are shown."""

    SERVICE: ClassVar[str] = "leads"

    live_call_minutes: int = Field(
        default=30,
        ge=1,
        le=24 * 60,
        description="Minutes that /calls/live follows a call of which nothing is heard; one that still"
        " rings then is taken as over.",
    )
    live_listeners: int = Field(
        default=200, ge=1, description="Most who look on at /calls/live in one process at a time."
    )
