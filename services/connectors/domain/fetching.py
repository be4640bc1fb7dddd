"""How one kind asks its vendor for a file that an address alone does not give."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from services.connectors.domain.exchange import Answer, Request
from services.connectors.domain.sending import Secrets
from services.connectors.domain.settings import Settings


@dataclass(frozen=True, slots=True)
class Held:
    """What a kind may use to ask: its channel's settings and secrets, and the time now."""

    settings: Settings
    secrets: Secrets = field(repr=False)
    now: datetime

    def need(self, *names: str) -> tuple[str, ...]:
        """The values of these settings, secret or not. Raises Unfetchable naming those without a value."""
        found = {name: self.secrets.text(name) or self.settings.text(name) for name in names}
        unset = [name for name, value in found.items() if not value]
        if unset:
            raise Unfetchable(f"to fetch files, the channel needs {', '.join(unset)}: set it")
        return tuple(found.values())


class Unfetchable(Exception):
    """The channel cannot ask for this file as it is set up now; the text says what to do, without secrets."""


@dataclass(frozen=True, slots=True)
class FileDialect:
    """`request` asks for the file of a reference; both are pure.

    Where the vendor answers first with where the file is, `then` reads that answer and asks for the file:
    None when the answer names none. What `request` returns None for is fetched like any address.
    """

    request: Callable[[str, Held], Request | None]
    then: Callable[[Answer, Held], Request | None] | None = None
