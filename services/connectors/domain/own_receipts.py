"""What we tell ourselves of a message that left: the same receipts that vendors tell."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from contracts.receipts import ReceiptFailed, ReceiptSent, ReceiptUnknown
from services.connectors.domain.interaction import interaction_id
from services.connectors.domain.text import single_line


@dataclass(frozen=True, slots=True)
class About:
    """The message a receipt is of."""

    message_id: UUID
    channel: str
    kind: str
    address: str


def told_as(about: About, status: str, external_id: str) -> UUID:
    """The id that a vendor's receipt of this status has, so that either of us tells it."""
    return interaction_id(about.channel, "\n".join(("receipt", status, external_id)), about.kind)


def own(about: About, status: str) -> UUID:
    """The id of a receipt that only we can tell."""
    return interaction_id(about.channel, "\n".join(("send", status, str(about.message_id))), about.kind)


def sent(about: About, external_id: str, receipt_id: UUID, now: datetime) -> ReceiptSent:
    """The vendor took it."""
    return ReceiptSent(**_common(about, external_id, receipt_id, now))


def failed(about: About, code: str, reason: str, now: datetime) -> ReceiptFailed:
    """It will not go."""
    common = _common(about, str(about.message_id), own(about, "failed"), now)
    return ReceiptFailed(**common, code=single_line(code, 100) or None, reason=single_line(reason) or None)


def unknown(about: About, reason: str, now: datetime) -> ReceiptUnknown:
    """Nobody can tell."""
    common = _common(about, str(about.message_id), own(about, "unknown"), now)
    return ReceiptUnknown(**common, reason=single_line(reason) or None)


def _common(about: About, external_id: str, receipt_id: UUID, now: datetime) -> dict[str, Any]:
    return {
        "receipt_id": receipt_id,
        "message_id": about.message_id,
        "delivery_id": "",
        "channel": about.channel,
        "kind": about.kind,
        "external_id": external_id,
        "address": about.address,
        "occurred_at": now,
        "received_at": now,
    }
