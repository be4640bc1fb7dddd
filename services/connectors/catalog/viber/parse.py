"""Callbacks of the Viber bot API. Source: developers.viber.com, REST bot API, callbacks."""

from typing import Any

from contracts.interactions import Identity
from services.connectors.domain import Delivery, Parsed, Settings, accepted, ignored
from services.connectors.domain.parsed import Receipt, ReceiptStatus, Touch
from services.connectors.errors import Unreadable
from services.connectors.reading.attached import attached
from services.connectors.reading.documents import flatten, read_object
from services.connectors.reading.inside import size_at, text_at, value_at
from services.connectors.reading.moments import milliseconds
from services.connectors.reading.phones import phone_identity

_RECEIPTS: dict[str, ReceiptStatus] = {"delivered": "delivered", "seen": "read", "failed": "failed"}
_TOLD = ("contact", "location", "sticker_id", "tracking_data")


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """Messages are touches, what becomes of ours receipts. Raises Unreadable."""
    callback = read_object(delivery.body, exact=True)
    event = text_at(callback, "event")
    if event == "message":
        return _message(callback, delivery, settings)
    if event in _RECEIPTS:
        return _receipt(event, callback)
    if event in ("conversation_started", "subscribed"):
        return _started(event, callback, delivery, settings)
    if not event:
        raise Unreadable("the body is no callback: event is missing")
    return ignored(event[:60], "nobody wrote anything")


def _message(callback: dict[str, Any], delivery: Delivery, settings: Settings) -> Parsed:
    message, known = value_at(callback, "message"), text_at(callback, "message_token")
    if not known or not isinstance(message, dict):
        raise Unreadable("a message has no message_token or no message")
    chat, kind = text_at(callback, "chat_id"), text_at(message, "type")
    if chat and settings.text("groups") != "accept":
        return ignored("group_message", "it was written in a chat of other people")
    told = {name: message[name] for name in _TOLD if name in message}
    media = text_at(message, "media")
    shared = text_at(message, "contact", "phone_number") if settings.flag("asks_for_phone") else ""
    touch = Touch(
        external_id=known,
        text=text_at(message, "text") or (media if kind == "url" else ""),
        fields={**flatten(told), **_profile(callback, "sender"), "chat": chat},
        attachments=attached(
            kind,
            "" if kind == "url" else media,
            name=text_at(message, "file_name"),
            size=size_at(message, "size"),
        ),
        **_about(callback, "sender", delivery, chat, phone_identity(shared, plus=True)),
    )
    return accepted("message", touch)


def _started(event: str, callback: dict[str, Any], delivery: Delivery, settings: Settings) -> Parsed:
    """Somebody opened the chat: an enquiry when it was by a link with a context, or if so configured."""
    context, at = text_at(callback, "context"), text_at(callback, "timestamp")
    if not context and settings.text("start") != "accept":
        return ignored("start", "the chat was opened, nothing is written yet")
    person = text_at(callback, "user", "id")
    touch = Touch(
        external_id=text_at(callback, "message_token") or f"{event}:{person}:{at}",
        fields={"context": context, **_profile(callback, "user")},
        **_about(callback, "user", delivery, "", []),
    )
    return accepted(event, touch)


def _receipt(event: str, callback: dict[str, Any]) -> Parsed:
    known = text_at(callback, "message_token")
    if not known:
        raise Unreadable(f"{event} does not say of which message")
    receipt = Receipt(
        status=_RECEIPTS[event],
        external_id=known,
        occurred_at=milliseconds(text_at(callback, "timestamp")),
        address=text_at(callback, "user_id"),
        reason=text_at(callback, "desc"),
    )
    return accepted(event, receipt)


def _about(
    callback: dict[str, Any], role: str, delivery: Delivery, chat: str, phone: list[Identity]
) -> dict[str, Any]:
    person = text_at(callback, role, "id")
    known = [Identity(kind="viber", value=person[:320])] if person.strip() else []
    return {
        "medium": "chat",
        "conversation": f"viber:{delivery.channel}:{chat or person}",
        "occurred_at": milliseconds(text_at(callback, "timestamp")),
        "identities": known + phone,
        "name": text_at(callback, role, "name"),
        "language": text_at(callback, role, "language"),
    }


def _profile(callback: dict[str, Any], role: str) -> dict[str, str]:
    return {"country": text_at(callback, role, "country")}
