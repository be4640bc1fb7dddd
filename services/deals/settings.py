"""What deals can be told by the environment."""

from typing import ClassVar

from services.runtime.settings import Settings


class DealsSettings(Settings):
    """The settings that every service has; deals adds none."""

    SERVICE: ClassVar[str] = "deals"
