"""What leads can be told by the environment."""

from typing import ClassVar

from services.runtime.settings import Settings


class LeadsSettings(Settings):
    """The settings that every service has; leads adds none."""

    SERVICE: ClassVar[str] = "leads"
