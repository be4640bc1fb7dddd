"""From a touch to the published fact: its permanent id, and its values within bounds."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from contracts.interactions import Attachment, Identity, InteractionReceived, Sender
from services.connectors.domain.delivery import Delivery
from services.connectors.domain.parsed import Touch
from services.connectors.domain.text import clean, fields_within, single_line

# Interaction ids are version 5 UUIDs under this name, for ever.
NAMESPACE = uuid.UUID("0b7f6a0e-8d5c-5f0e-9f57-6d1d2b8f4c11")
# The same content without an id, within this time, is the same press of the same button.
CONTENT_WINDOW = timedelta(minutes=10)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_SKEW = timedelta(hours=1)
# Vendors may tell any number of digits; databases count no further.
_LARGEST = 2**63 - 1
_PRINTABLE = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


def interaction_id(channel: str, vendor_id: str, kind: str) -> uuid.UUID:
    """The permanent id of what the vendor calls `vendor_id`."""
    return uuid.uuid5(NAMESPACE, "\n".join((channel, kind, vendor_id)))


def own_id(delivery: Delivery, touch: Touch, place: int) -> uuid.UUID:
    """The id of a touch that was not seen before; `place` is its position in the delivery."""
    known_as = vendor_id(touch.external_id)
    if known_as is None:
        name = touch.content or delivery.id
        known_as = f"{name}\n{delivery.received_at.isoformat()}\n{place}"
    return interaction_id(delivery.channel, known_as, delivery.kind)


def interaction(delivery: Delivery, touch: Touch, known_as: uuid.UUID) -> InteractionReceived:
    """The fact about a touch."""
    return InteractionReceived(
        interaction_id=known_as,
        delivery_id=delivery.id,
        channel=delivery.channel,
        kind=delivery.kind,
        medium=touch.medium,
        external_id=vendor_id(touch.external_id),
        conversation=conversation(touch.conversation),
        occurred_at=plausible(touch.occurred_at, delivery.received_at),
        received_at=delivery.received_at,
        sender=sender(touch.identities, touch.name, touch.language),
        title=single_line(touch.title or "") or None,
        text=clean(touch.text),
        fields=fields_within(touch.fields),
        attachments=[_attachment(file) for file in touch.attachments[:100]],
        message_id=vendor_id(touch.message_id),
        in_reply_to=[short for known in touch.in_reply_to[:50] if (short := vendor_id(known))],
        consents=list(touch.consents),
    )


def vendor_id(given: str | None) -> str | None:
    """An id from outside, as it may cross the wire."""
    return single_line(given or "", 998) or None


def conversation(given: str) -> str:
    """The name of a conversation in printable ASCII: it becomes a header."""
    return quote(single_line(given, 400), safe=_PRINTABLE)


def sender(identities: Sequence[Identity], name: str | None, language: str | None) -> Sender:
    """Who it was, each identity once."""
    wanted = ((one.kind, single_line(one.value, 321)) for one in identities)
    unique = dict.fromkeys((kind, value) for kind, value in wanted if 0 < len(value) <= 320)
    return Sender(
        identities=[Identity(kind=kind, value=value) for kind, value in list(unique)[:20]],
        name=single_line(name or "", 200) or None,
        language=single_line(language or "", 35) or None,
    )


def _attachment(file: Attachment) -> Attachment:
    """The file with a name that is no path."""
    name = single_line(file.name.replace("\\", "/").rsplit("/", 1)[-1], 255)
    content_type = single_line(file.content_type, 127) or "application/octet-stream"
    reference = single_line(file.reference or "", 2_000) or None
    return Attachment(
        name=name if name.strip(". ") else "file",
        content_type=content_type,
        size=min(file.size, _LARGEST),
        reference=reference,
    )


def plausible(claimed: datetime | None, received_at: datetime) -> datetime:
    """A sender's clock is believed unless it is absurd or ahead of ours."""
    if claimed is None:
        return received_at
    try:
        claimed = claimed.replace(tzinfo=claimed.tzinfo or UTC).astimezone(UTC)
    except (OverflowError, ValueError):
        return received_at
    return claimed if _EARLIEST <= claimed <= received_at + _SKEW else received_at
