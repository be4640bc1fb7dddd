"""Whether a channel sends at all, and whether a message fits it: reasons for people, with the remedy."""

from services.connectors.definitions.channel import Channel
from services.connectors.domain.sending import Refused, Secrets


def secrets_of(channel: Channel) -> Secrets:
    """The newest live values of its secrets."""
    return Secrets({name: live[0].get_secret_value() for name, live in channel.secrets.items() if live})


def unable(channel: Channel | None) -> Refused | None:
    """Why nothing can be sent through it; None when something can."""
    if channel is None:
        return Refused("no_channel", "there is no channel of this name: define it, then send again")
    sending = channel.kind.manifest.sending
    if sending is None:
        return Refused("cannot_send", f"a channel of kind {channel.kind.name} only receives: name another")
    secrets = secrets_of(channel)
    unset = [name for name in sending.needs if not (channel.settings.text(name) or secrets.text(name))]
    if unset:
        return Refused("not_configured", f"to send, the channel needs {', '.join(unset)}: set it")
    return None


def unfit(channel: Channel, text: str) -> Refused | None:
    """Why this text cannot be sent; None when it can."""
    sending = channel.kind.manifest.sending
    if not text:
        return Refused("empty", "the text holds nothing that can be seen: write something")
    if sending is None or sending.length(text) <= sending.longest:
        return None
    counted = {"utf16": "UTF-16 units"}.get(sending.counts, sending.counts)
    return Refused("too_long", f"the vendor takes {sending.longest} {counted} at most: send it in parts")
