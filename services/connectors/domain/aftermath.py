"""Facts about messages that are there already: what their author did to them, what became of ours."""

from uuid import UUID

from contracts import receipts
from contracts.interactions import InteractionChanged
from services.connectors.domain.delivery import Delivery
from services.connectors.domain.interaction import (
    conversation,
    interaction_id,
    plausible,
    sender,
    vendor_id,
)
from services.connectors.domain.parsed import Change, Receipt, ReceiptStatus
from services.connectors.domain.text import clean, single_line

ReceiptFact = receipts.ReceiptSent | receipts.ReceiptDelivered | receipts.ReceiptRead | receipts.ReceiptFailed
_RECEIPTS: dict[ReceiptStatus, type[ReceiptFact]] = {
    "sent": receipts.ReceiptSent,
    "delivered": receipts.ReceiptDelivered,
    "read": receipts.ReceiptRead,
    "failed": receipts.ReceiptFailed,
}


def change(delivery: Delivery, told: Change) -> InteractionChanged:
    """The fact about a change; the same change has the same id for ever."""
    target = vendor_id(told.external_id) or delivery.id
    who = "\n".join(f"{one.kind}:{one.value}" for one in told.identities)
    version = told.version or f"{told.text}\n{told.reaction}"
    return InteractionChanged(
        change_id=_own(delivery, "change", told.what, target, who, version),
        interaction_id=interaction_id(delivery.channel, target, delivery.kind),
        delivery_id=delivery.id,
        channel=delivery.channel,
        kind=delivery.kind,
        external_id=target,
        conversation=conversation(told.conversation),
        change=told.what,
        text=clean(told.text) if told.what == "edited" else None,
        reaction=single_line(told.reaction, 100) or None,
        sender=sender(told.identities, told.name, None),
        occurred_at=plausible(told.occurred_at, delivery.received_at),
        received_at=delivery.received_at,
    )


def receipt(delivery: Delivery, told: Receipt) -> ReceiptFact:
    """The fact about a receipt; each status of a message has one id for ever."""
    target = vendor_id(told.external_id) or delivery.id
    about = {
        "receipt_id": _own(delivery, "receipt", told.status, target),
        "message_id": _uuid(told.message_id),
        "delivery_id": delivery.id,
        "channel": delivery.channel,
        "kind": delivery.kind,
        "external_id": target,
        "address": single_line(told.address, 320) or None,
        "occurred_at": plausible(told.occurred_at, delivery.received_at),
        "received_at": delivery.received_at,
    }
    if told.status == "failed":
        about["code"] = single_line(told.code, 100) or None
        about["reason"] = single_line(told.reason) or None
    return _RECEIPTS[told.status].model_validate(about)


def _own(delivery: Delivery, *names: str) -> UUID:
    return interaction_id(delivery.channel, "\n".join(names), delivery.kind)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
