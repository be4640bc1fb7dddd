"""Deliveries, what parsers make of them, and verdicts: the pure rules of this service."""

from services.connectors.domain.aftermath import change, receipt
from services.connectors.domain.delivery import Delivery, delivery_id
from services.connectors.domain.interaction import interaction, interaction_id, own_id
from services.connectors.domain.parsed import (
    UNKNOWN,
    CallDirection,
    CallPart,
    CallState,
    Change,
    Item,
    Parsed,
    Receipt,
    ReceiptStatus,
    Touch,
    Verdict,
    accepted,
    ignored,
    rejected,
    together,
)
from services.connectors.domain.settings import ConsentField, FieldMap, Settings
from services.connectors.domain.text import clean, single_line

__all__ = [
    "UNKNOWN",
    "CallDirection",
    "CallPart",
    "CallState",
    "Change",
    "ConsentField",
    "Delivery",
    "FieldMap",
    "Item",
    "Parsed",
    "Receipt",
    "ReceiptStatus",
    "Settings",
    "Touch",
    "Verdict",
    "accepted",
    "change",
    "clean",
    "delivery_id",
    "ignored",
    "interaction",
    "interaction_id",
    "own_id",
    "receipt",
    "rejected",
    "single_line",
    "together",
]
