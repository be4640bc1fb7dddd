"""A channel as the service uses it: its kind, its checked settings, its secrets."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from pydantic import SecretStr

from services.connectors.catalog.kinds import Kind
from services.connectors.catalog.manifest import HTTP
from services.connectors.domain import Settings
from services.connectors.domain.guard import Guard
from services.connectors.verify import Held

INLET = "/in/"
# Request headers that are kept for every kind.
_ALWAYS = ("content-type",)


@dataclass(frozen=True)
class Channel:
    """One configured inlet. What follows from its definition is worked out once."""

    name: str
    kind: Kind
    settings: Settings = field(default_factory=Settings)
    secrets: Mapping[str, tuple[SecretStr, ...]] = field(default_factory=dict, repr=False)
    title: str = ""
    guard: Guard | None = None

    @cached_property
    def held(self) -> Held:
        """What proofs and answers may use of it."""
        return Held(self.settings, self.secrets)

    @property
    def missing(self) -> list[str]:
        """The secrets that it cannot do without and that have no value: they close it."""
        specs = self.kind.manifest.settings
        return [
            name for name, live in self.secrets.items() if specs[name].needed(self.transport) and not live
        ]

    @cached_property
    def kept_headers(self) -> tuple[str, ...]:
        """The request headers that go along with the body into the bus."""
        return (*_ALWAYS, *self.kind.manifest.headers)

    @cached_property
    def transport(self) -> str:
        """How its deliveries come: as its kind says, or as its setting `receive` chooses."""
        return self.kind.manifest.transport_for(self.settings.text("receive"))

    @property
    def inlet(self) -> str:
        """Where deliveries are handed over: a path, mail addresses, a subject; or how we fetch them."""
        transport = self.transport
        if transport == "smtp":
            return ", ".join(self.settings.texts("addresses"))
        if transport == "nats":
            return f"ingress.{self.settings.text('partner')}"
        return f"{INLET}{self.name}" if transport in HTTP else transport


@dataclass(frozen=True, slots=True)
class Rules:
    """All channels of one set of definitions, found by name, recipient or partner."""

    channels: Mapping[str, Channel] = field(default_factory=dict)
    by_address: Mapping[str, Channel] = field(default_factory=dict)
    by_partner: Mapping[str, Channel] = field(default_factory=dict)

    @classmethod
    def of(cls, channels: Iterable[Channel]) -> "Rules":
        """Index the channels."""
        named = {channel.name: channel for channel in channels}
        addresses = {
            address.lower(): channel
            for channel in named.values()
            if channel.transport == "smtp"
            for address in channel.settings.texts("addresses")
        }
        partners = {
            channel.settings.text("partner"): channel
            for channel in named.values()
            if channel.transport == "nats"
        }
        return cls(named, addresses, partners)

    def for_recipient(self, address: str) -> Channel | None:
        """The channel of a mail address: as written, without its +tag, or of its whole domain."""
        local, at, domain = address.lower().rpartition("@")
        if not at:
            return None
        for name in (f"{local}@{domain}", f"{local.partition('+')[0]}@{domain}", f"@{domain}"):
            if name in self.by_address:
                return self.by_address[name]
        return None
