"""Take in the wish that a message be sent: queued, or refused at once with the reason."""

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

from prometheus_client import Counter

from contracts.sending import SendMessage
from services.connectors.definitions.channel import Channel
from services.connectors.domain import clean, single_line
from services.connectors.domain.own_receipts import About, failed
from services.connectors.domain.sending import Refused
from services.connectors.sending.fit import unable, unfit
from services.connectors.store import sends
from services.connectors.store.sends import Fresh, Row

if TYPE_CHECKING:
    from services.runtime.work import Work

SENDS = Counter(
    "leadwire_sends_total", "Messages to be sent, by what became of them.", ["channel", "outcome"]
)
NO_KIND = "unknown"


class OtherMessage(Exception):
    """There is a message of this id already, and it is another one."""


async def take_message(work: "Work", wish: SendMessage, channel: Channel | None, patience: timedelta) -> Row:
    """The message as it is kept. The same wish again changes nothing. Raises OtherMessage."""
    fresh = _fresh(work, wish, channel, patience)
    kept = await sends.insert(work.connection, fresh, work.now)
    if kept is None:
        known = await sends.read(work.connection, wish.message_id)
        if known is None or known.digest != fresh.digest:
            raise OtherMessage(f"{wish.message_id} is the id of another message: use a new one")
        return known
    told = ""
    if fresh.state == "failed":
        about = About(fresh.message_id, fresh.channel, fresh.kind, fresh.address)
        work.emit(failed(about, fresh.code, fresh.reason, work.now))
        told = f", and it failed: {fresh.reason}"
        SENDS.labels(fresh.channel if channel else NO_KIND, fresh.state).inc()
    work.note(f"took a message for {fresh.channel}{told}", names=[wish.message_id])
    return kept


def _fresh(work: "Work", wish: SendMessage, channel: Channel | None, patience: timedelta) -> Fresh:
    text = clean(wish.text)
    no = unable(channel) or (unfit(channel, text) if channel else None)
    if no is None and wish.not_after is not None and wish.not_after <= work.now:
        no = Refused("too_late", "its time was over when it came: send it with a later not_after")
    last = work.now + patience
    return Fresh(
        message_id=wish.message_id,
        channel=wish.channel,
        kind=channel.kind.name if channel else NO_KIND,
        address=single_line(wish.to, 320),
        body="" if no else text,
        reply_to=single_line(wish.reply_to or "", 998),
        digest=_digest(wish),
        state="failed" if no else "queued",
        code=no.code if no else "",
        reason=no.reason if no else "",
        expires_at=min(wish.not_after or last, last),
        correlation=work.cause.correlation,
        traceparent=work.cause.traceparent,
    )


def _digest(wish: SendMessage) -> bytes:
    parts = (wish.channel, wish.to, wish.text, wish.reply_to or "")
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=16).digest()
