"""Updates of the MAX bot API. Source: dev.max.ru, object Update; schema.yaml of the vendor's Go client."""

import re
from typing import Any

from contracts.interactions import Attachment, Identity
from services.connectors.domain import Delivery, Parsed, Settings, accepted, ignored
from services.connectors.domain.parsed import Change, Touch
from services.connectors.errors import Unreadable
from services.connectors.reading.attached import attached
from services.connectors.reading.documents import flatten, read_object
from services.connectors.reading.inside import rows_at, size_at, text_at, value_at
from services.connectors.reading.moments import milliseconds
from services.connectors.reading.phones import phone_identity

_FILES = frozenset({"image", "video", "audio", "file", "sticker"})
_TOLD = frozenset({"location", "share", "contact", "data"})
_TELEPHONE = re.compile(r"^TEL[^:\r\n]{0,100}:([^\r\n]{0,60})", re.MULTILINE | re.IGNORECASE)


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """Messages are touches, edits and removals changes. Raises Unreadable."""
    update = read_object(delivery.body, exact=True)
    event = text_at(update, "update_type")
    if not event:
        raise Unreadable("the body is no Update: update_type is missing")
    match event:
        case "message_created" | "message_edited":
            return _message(event, update, delivery, settings)
        case "message_removed":
            return _removed(update, delivery, settings)
        case "bot_started":
            return _started(update, delivery, settings)
        case "message_callback":
            return _pressed(update, delivery, settings)
    return ignored(event[:60], "nobody wrote anything")


def _message(event: str, update: dict[str, Any], delivery: Delivery, settings: Settings) -> Parsed:
    message = value_at(update, "message")
    sender, body, link = (value_at(message, name) for name in ("sender", "body", "link"))
    known = text_at(body, "mid")
    if not known:
        raise Unreadable("a message has no mid")
    if value_at(sender, "is_bot"):
        return ignored("bot_message", "a bot wrote it")
    kind = text_at(message, "recipient", "chat_type")
    if kind == "channel" or (kind == "chat" and settings.text("groups") != "accept"):
        return ignored("group_message", "it was not written in a dialog")
    about = _about(update, text_at(message, "recipient", "chat_id"), sender, delivery)
    text = text_at(body, "text")
    if event == "message_edited":
        version = text_at(update, "timestamp")
        return accepted(event, Change(what="edited", external_id=known, version=version, text=text, **about))
    parts = rows_at(body, "attachments")
    answered = text_at(link, "message", "mid") if text_at(link, "type") == "reply" else ""
    about["identities"] += [phone for part in parts for phone in _own_phone(part, text_at(sender, "user_id"))]
    touch = Touch(
        medium="chat",
        external_id=known,
        text=text,
        fields=_fields(parts, sender, link),
        attachments=[file for part in parts for file in _file(part)],
        in_reply_to=[answered],
        language=text_at(update, "user_locale"),
        **{**about, "occurred_at": milliseconds(text_at(message, "timestamp"))},
    )
    return accepted(event, touch)


def _removed(update: dict[str, Any], delivery: Delivery, settings: Settings) -> Parsed:
    known, chat = text_at(update, "message_id"), text_at(update, "chat_id")
    if not known:
        raise Unreadable("a removal does not say of which message")
    # Chats of many have negative numbers.
    if chat.startswith("-") and settings.text("groups") != "accept":
        return ignored("group_message", "it was not removed from a dialog")
    about = _about(update, chat, {"user_id": update.get("user_id")}, delivery)
    return accepted("message_removed", Change(what="deleted", external_id=known, **about))


def _started(update: dict[str, Any], delivery: Delivery, settings: Settings) -> Parsed:
    """Somebody pressed Start: an enquiry when it was by a link with a payload, or if so configured."""
    payload, chat = text_at(update, "payload"), text_at(update, "chat_id")
    if not payload and settings.text("start") != "accept":
        return ignored("start", "the chat was opened, nothing is written yet")
    touch = Touch(
        medium="chat",
        external_id=f"start:{chat}:{text_at(update, 'timestamp')}",
        language=text_at(update, "user_locale"),
        fields={"payload": payload, "username": text_at(update, "user", "username")},
        **_about(update, chat, value_at(update, "user"), delivery),
    )
    return accepted("bot_started", touch)


def _pressed(update: dict[str, Any], delivery: Delivery, settings: Settings) -> Parsed:
    """The message is the bot's own; who pressed stands in the callback."""
    pressed, message = value_at(update, "callback"), value_at(update, "message")
    known, chat = text_at(pressed, "callback_id"), text_at(message, "recipient", "chat_id")
    if settings.text("callbacks") != "accept" or not known:
        return ignored("button", "a button was pressed, nothing is written")
    touch = Touch(
        medium="chat",
        external_id=known,
        text=text_at(pressed, "payload"),
        in_reply_to=[text_at(message, "body", "mid")],
        **_about(update, chat, value_at(pressed, "user"), delivery),
    )
    return accepted("message_callback", touch)


def _about(update: dict[str, Any], chat: str, person: Any, delivery: Delivery) -> dict[str, Any]:
    known = text_at(person, "user_id")
    full = f"{text_at(person, 'first_name')} {text_at(person, 'last_name')}"
    return {
        "conversation": f"max:{delivery.channel}:{chat or known}",
        "occurred_at": milliseconds(text_at(update, "timestamp")),
        "identities": [Identity(kind="max", value=known[:320])] if known.strip() else [],
        "name": text_at(person, "name") or full,
    }


def _own_phone(part: dict[str, Any], sender: str) -> list[Identity]:
    """Of a shared card, if it is the sender's own."""
    card = value_at(part, "payload")
    own = bool(sender) and text_at(card, "max_info", "user_id") == sender
    found = _TELEPHONE.search(text_at(card, "vcf_info")) if own else None
    return phone_identity(found[1].strip(), plus=True) if found else []


def _fields(parts: list[dict[str, Any]], sender: Any, link: Any) -> dict[str, list[str]]:
    told: dict[str, Any] = {}
    for part in parts:
        if (sort := text_at(part, "type")) in _TOLD:
            told.setdefault(sort, []).append({name: part[name] for name in part if name != "type"})
    forwarded = [text_at(link, "message", "text")] if text_at(link, "type") == "forward" else []
    return {**flatten(told), "username": [text_at(sender, "username")], "forwarded": forwarded}


def _file(part: dict[str, Any]) -> list[Attachment]:
    sort, address = text_at(part, "type"), text_at(part, "payload", "url")
    name, size = text_at(part, "filename"), size_at(part, "size")
    return attached(sort, address, name=name, size=size) if sort in _FILES else []
