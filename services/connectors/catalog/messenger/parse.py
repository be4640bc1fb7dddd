"""Webhooks of Facebook Messenger. Source: Meta, Messenger Platform, webhook events reference."""

from services.connectors.domain import Delivery, Parsed, Settings
from services.connectors.reading.meta import messaging


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """Messages and taps are touches, what becomes of them changes, deliveries receipts. Raises Unreadable.

    Reads are told by a watermark only, which names no message: nothing comes of them.
    """
    return messaging(delivery, settings)
