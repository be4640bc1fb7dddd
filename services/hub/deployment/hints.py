"""What `leadwire provision` tells people: where everything is, and one line that sends an enquiry."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.connectors.definitions import compile
from services.connectors.definitions.channel import Channel
from services.hub.definitions.parts import Part
from services.hub.up.banner import curl
from services.runtime.settings import pairs

_IN_HUB = "docker compose exec hub"


@dataclass(frozen=True)
class Reach:
    """Where people and other systems reach a deployment."""

    http: str
    mail: str
    bus: str


def hints(reach: Reach, parts: Mapping[str, Part], secrets: str) -> str:
    """Address, token, inlets, a curl line. No secret is in it, only how to see it."""
    channels = list(compile(parts.get("connectors", {}), dict(pairs(secrets))).channels.values())
    width = max((len(channel.name) for channel in channels), default=0)
    lines = [
        f"\n  address  {reach.http}   (API at /docs)",
        f"  token    {_IN_HUB} cat /var/lib/leadwire/secrets/admin.token",
        f"  command  {_IN_HUB} leadwire --help",
        f"  mailbox  {reach.http}/mailbox   (while outgoing mail is caught)",
        f"  bus      {reach.bus}",
        "",
        "  Inlets",
        *(f"    {one.name:<{width}}  {one.kind.name:<8}  {_inlet(reach, one)}" for one in channels),
        "",
        "  To see a seed or a secret, with its file in place of FILE:",
        "",
        "    docker compose run --rm --no-deps prepare cat /deployment/FILE",
    ]
    if form := next((one for one in channels if one.kind.name == "form"), None):
        lines += ["", "  Send an enquiry:", "", f"    {curl(reach.http, form)}"]
    return "\n".join([*lines, ""])


def _inlet(reach: Reach, channel: Channel) -> str:
    match channel.transport:
        case "smtp":
            return f"{channel.inlet} at {reach.mail}"
        case "nats":
            partner = channel.settings.text("partner")
            return f"{channel.inlet} on the bus, with the seed in partners/{partner}.nk"
    secret = "   (its secret is in connectors/definitions.env)" if channel.secrets else ""
    return f"{reach.http}{channel.inlet}{secret}"
