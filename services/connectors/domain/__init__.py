"""Deliveries, touches and verdicts: the pure rules of this service."""

from services.connectors.domain.delivery import Delivery, delivery_id
from services.connectors.domain.interaction import interaction, interaction_id, own_id
from services.connectors.domain.parsed import (
    Parsed,
    Touch,
    Verdict,
    accepted,
    ignored,
    rejected,
)
from services.connectors.domain.settings import ConsentField, FieldMap, Settings
from services.connectors.domain.text import clean, single_line

__all__ = [
    "ConsentField",
    "Delivery",
    "FieldMap",
    "Parsed",
    "Settings",
    "Touch",
    "Verdict",
    "accepted",
    "clean",
    "delivery_id",
    "ignored",
    "interaction",
    "interaction_id",
    "own_id",
    "rejected",
    "single_line",
]
