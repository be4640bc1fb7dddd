"""Updates of the Telegram Bot API. Source: core.telegram.org/bots/api, object Update."""

from typing import Any

from contracts.interactions import Alteration, Attachment, Identity
from services.connectors.domain import Delivery, Parsed, Settings, accepted, ignored
from services.connectors.domain.parsed import Change, Touch
from services.connectors.errors import Unreadable
from services.connectors.reading.attached import attached
from services.connectors.reading.documents import read_object
from services.connectors.reading.inside import rows_at, size_at, text_at, value_at
from services.connectors.reading.moments import seconds
from services.connectors.reading.phones import phone_identity

_FILES = {name: name for name in ("voice", "audio", "video", "sticker", "document")}
_FILES |= {"video_note": "video", "animation": "video"}


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """Private messages are touches, edits, deletions and reactions changes. Raises Unreadable."""
    update = read_object(delivery.body, exact=True)
    event = next((name for name in update if name != "update_id"), "")
    told = update.get(event)
    if not text_at(update, "update_id") or not isinstance(told, dict):
        raise Unreadable("the body is no Update: update_id or the event is missing")
    if event.removeprefix("edited_") in ("message", "business_message"):
        return _message(event, told, delivery, settings)
    if event == "message_reaction":
        return _reaction(told, delivery, settings)
    if event == "deleted_business_messages":
        return _deleted(told, delivery)
    return ignored(event[:60], f"an update of this kind is no enquiry: {event[:60]}")


def _message(event: str, message: dict[str, Any], delivery: Delivery, settings: Settings) -> Parsed:
    unwanted = _unwanted(event, message, settings)
    if unwanted:
        return unwanted
    chat, number, sender = text_at(message, "chat", "id"), text_at(message, "message_id"), message.get("from")
    # Its numbers are of another box than those of the bot's own chat with the same person.
    chat = f"business:{chat}" if "business" in event else chat
    text = text_at(message, "text") or text_at(message, "caption")
    about = _about(chat, number, sender, delivery)
    if event.startswith("edited"):
        if "location" in message:
            return ignored("live_location", "a place that moves is no new word")
        at = text_at(message, "edit_date")
        return accepted(event, Change(what="edited", version=at, occurred_at=seconds(at), text=text, **about))
    files, answered = _files(message), text_at(message, "reply_to_message", "message_id")
    if not (text or files or any(name in message for name in ("contact", "location", "poll", "dice"))):
        return ignored("service_message", "it holds nothing that a person wrote")
    command, _, parameter = text.partition(" ")
    started = command.partition("@")[0] == "/start"
    if started and not parameter.strip() and settings.text("start") != "accept":
        return ignored("start", "a bare /start is no enquiry yet")
    touch = Touch(
        medium="chat",
        occurred_at=seconds(text_at(message, "date")),
        language=text_at(sender, "language_code"),
        text=text,
        fields={**_fields(message), "start": parameter if started else ""},
        attachments=files,
        in_reply_to=[f"{chat}:{answered}"] if answered else [],
        **{**about, "identities": [*about["identities"], *_own_phone(message)]},
    )
    return accepted(event, touch)


def _unwanted(event: str, told: dict[str, Any], settings: Settings) -> Parsed | None:
    """Examples of the vendor hold a private chat without its type; numbers of groups are negative."""
    chat, kind = text_at(told, "chat", "id"), text_at(told, "chat", "type") or "private"
    refused = kind == "channel" or settings.text("groups") != "accept"
    if not (chat and text_at(told, "message_id")):
        raise Unreadable(f"{event} has no chat or no message_id")
    if refused and (kind != "private" or chat.startswith("-")):
        return ignored("group_message", "it was not written in a private chat")
    if value_at(told, "from", "is_bot"):
        return ignored("bot_message", "a bot wrote it")
    if event.endswith("business_message") and text_at(told, "from", "id") != chat:
        return ignored("echo", "we wrote it ourselves")
    return None


def _reaction(told: dict[str, Any], delivery: Delivery, settings: Settings) -> Parsed:
    """What is new was added, what is there no more was taken back."""
    unwanted = _unwanted("message_reaction", told, settings)
    if unwanted:
        return unwanted
    chat, number, at = text_at(told, "chat", "id"), text_at(told, "message_id"), text_at(told, "date")
    about = {**_about(chat, number, told.get("user"), delivery), "occurred_at": seconds(at)}
    old, new = ([_named(one) for one in rows_at(told, name)] for name in ("old_reaction", "new_reaction"))
    found: list[tuple[Alteration, str]] = [("reacted", one) for one in new if one not in old]
    found += [("unreacted", one) for one in old if one not in new]
    changes = [Change(what=what, reaction=one, version=f"{at} {one}", **about) for what, one in found]
    nothing = ignored("same_reaction", "nothing was added or taken back")
    return accepted("message_reaction", *changes) if changes else nothing


def _named(one: dict[str, Any]) -> str:
    return text_at(one, "emoji") or text_at(one, "custom_emoji_id") or text_at(one, "type")


def _deleted(told: dict[str, Any], delivery: Delivery) -> Parsed:
    chat, numbers = text_at(told, "chat", "id"), value_at(told, "message_ids")
    known = [one for one in numbers if isinstance(one, str)] if isinstance(numbers, list) else []
    if not (chat and known):
        raise Unreadable("deleted_business_messages names no message")
    changes = (Change(what="deleted", **_about(f"business:{chat}", one, None, delivery)) for one in known)
    return accepted("deleted_business_messages", *changes)


def _about(chat: str, number: str, person: Any, delivery: Delivery) -> dict[str, Any]:
    """message_id is unique only within its chat, and update_id starts anew after a quiet week."""
    known = text_at(person, "id")
    return {
        "conversation": f"telegram:{delivery.channel}:{chat}",
        "external_id": f"{chat}:{number}",
        "identities": [Identity(kind="telegram", value=known[:320])] if known.strip() else [],
        "name": f"{text_at(person, 'first_name')} {text_at(person, 'last_name')}",
    }


def _own_phone(message: dict[str, Any]) -> list[Identity]:
    """Of a shared card, only when it is the sender's own."""
    own = text_at(message, "contact", "user_id") == text_at(message, "from", "id") != ""
    return phone_identity(text_at(message, "contact", "phone_number"), plus=True) if own else []


def _fields(message: dict[str, Any]) -> dict[str, str]:
    place = (text_at(message, "location", name) for name in ("latitude", "longitude"))
    return {
        "telegram_username": text_at(message, "from", "username"),
        "album": text_at(message, "media_group_id"),
        "location": ",".join(filter(None, place)),
        "forwarded": "yes" if "forward_origin" in message or "forward_from" in message else "",
        "shared_phone": "" if _own_phone(message) else text_at(message, "contact", "phone_number"),
    }


def _files(message: dict[str, Any]) -> list[Attachment]:
    """An animation also comes as a document, for older clients; a photo comes in several sizes."""
    names = [
        name for name in _FILES if name in message and (name, "animation" in message) != ("document", True)
    ]
    best = max(rows_at(message, "photo"), key=lambda size: size_at(size, "file_size"), default=None)
    files: list[Attachment] = []
    for told, sort in [*((message[name], _FILES[name]) for name in names), (best, "photo")]:
        reference, name, kind = (text_at(told, part) for part in ("file_id", "file_name", "mime_type"))
        files += attached(sort, reference, name=name, content_type=kind, size=size_at(told, "file_size"))
    return files
