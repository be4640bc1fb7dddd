"""Webhooks of Instagram messaging. Source: Meta, Instagram messaging, webhooks."""

from services.connectors.domain import Delivery, Parsed, Settings
from services.connectors.reading.meta import messaging


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """Messages, taps and story mentions are touches, what becomes of them changes, reads receipts.

    Comments and mentions in posts are told as changes of fields: no message in a chat. Raises Unreadable.
    """
    return messaging(delivery, settings)
