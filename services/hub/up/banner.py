"""What `leadwire up` prints once it is ready."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from services.connectors.definitions.channel import Channel
from services.hub.up.channel_secrets import FILE

_SAMPLE = {
    "name": "Sam",
    "phone": "020 7946 0018",
    "email": "sam@school.test",
    "text": "Do you have evening groups?",
}


@dataclass(frozen=True)
class Addresses:
    """Where everything can be reached, and where the home is."""

    http: str
    smtp: str
    bus: str
    home: Path
    mailbox: bool


def banner(at: Addresses, token: str, channels: list[Channel], seconds: float) -> str:
    """Address, token, inlets, and one line to copy that sends a real enquiry."""
    lines = [
        f"\nLeadwire is ready after {seconds:.1f} s.\n",
        f"  address  {at.http}   (API at /docs)",
        f"  token    {token}",
    ]
    if at.mailbox:
        lines.append(f"  mailbox  {at.http}/mailbox   (outgoing mail is caught, not sent on)")
    lines += [f"  bus      {at.bus}", "", "  Inlets", *(f"    {line}" for line in _inlets(at, channels))]
    if form := next((one for one in channels if one.kind.name == "form"), None):
        lines += ["", "  Send an enquiry:", "", f"    {curl(at.http, form)}"]
    return "\n".join([*lines, "", "  Ctrl-C stops everything; what came in stays.", ""])


def _inlets(at: Addresses, channels: list[Channel]) -> Iterator[str]:
    if not channels:
        yield "none yet: leadwire apply a folder of definitions"
    width = max((len(channel.name) for channel in channels), default=0)
    for channel in channels:
        yield f"{channel.name:<{width}}  {channel.kind.name:<8}  {_inlet(at, channel)}"


def _inlet(at: Addresses, channel: Channel) -> str:
    match channel.transport:
        case "smtp":
            return f"{channel.inlet} at {at.smtp}"
        case "nats":
            partner = channel.settings.text("partner")
            return f"{channel.inlet} on the bus, with {at.home / 'partners' / partner}.nk"
    missing = channel.missing
    where = f"{at.home / 'secrets' / FILE}"
    if missing:
        return f"{at.http}{channel.inlet}   closed: put its {', '.join(missing)} into {where}"
    kept = f"   (its secret is in {where})" if channel.secrets else ""
    return f"{at.http}{channel.inlet}{kept}"


def curl(http: str, form: Channel) -> str:
    """A line for a terminal that fills in this form, with the names its fields have there."""
    sources = form.settings.fields.sources
    fields = [((sources.get(name) or (name,))[0], value) for name, value in _SAMPLE.items()]
    filled = " ".join(f"--data-urlencode {shlex.quote(f'{name}={value}')}" for name, value in fields)
    return f"curl {http}{form.inlet} {filled}"
