"""Texts through the WhatsApp Cloud API. Source: developers.facebook.com, WhatsApp Cloud API, messages."""

from typing import Any

from services.connectors.domain import Settings
from services.connectors.domain.exchange import Answer, Request
from services.connectors.domain.sending import Outcome, Outgoing, Secrets, Sent
from services.connectors.reading.exchanges import as_json, base, bearer, said
from services.connectors.reading.inside import rows_at, text_at
from services.connectors.reading.meta_errors import by_error


def request(message: Outgoing, settings: Settings, secrets: Secrets) -> Request:
    """`to` is a number with or without its plus; our id comes back with every status."""
    document: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": message.to,
        "type": "text",
        "text": {"preview_url": False, "body": message.text},
        "biz_opaque_callback_data": message.id,
    }
    if message.reply_to:
        document["context"] = {"message_id": message.reply_to}
    number = settings.text("phone_number_id")
    return as_json(
        f"{base(settings)}/{settings.text('api_version')}/{number}/messages",
        document,
        bearer(secrets.text("token")),
    )


def outcome(answer: Answer) -> Outcome:
    """The id is the one that statuses name."""
    known = next((text_at(one, "id") for one in rows_at(said(answer), "messages")), "")
    return Sent(known) if known and answer.status < 300 else by_error(answer)
