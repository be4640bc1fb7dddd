"""Updates of the Telegram Bot API. Source: core.telegram.org/bots/api, object Update."""

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from contracts.interactions import Attachment, Identity
from services.connectors.domain import Delivery, Parsed, Settings, Touch, accepted, ignored
from services.connectors.errors import Unreadable
from services.connectors.reading.documents import read_object
from services.connectors.reading.wrong import wrong

_FILES = {
    "voice": ("voice.ogg", "audio/ogg"),
    "audio": ("audio.mp3", "audio/mpeg"),
    "video": ("video.mp4", "video/mp4"),
    "video_note": ("video.mp4", "video/mp4"),
    "animation": ("animation.mp4", "video/mp4"),
    "sticker": ("sticker.webp", "image/webp"),
    "document": ("document", "application/octet-stream"),
}


class _User(BaseModel):
    id: int
    is_bot: bool = False
    first_name: str = ""
    last_name: str = ""
    username: str = ""
    language_code: str | None = None


class _Chat(BaseModel):
    id: int
    # Examples of the vendor hold a private chat without its type; ids of groups are negative.
    type: str = ""


class _Contact(BaseModel):
    phone_number: str
    user_id: int | None = None


class _Location(BaseModel):
    latitude: float
    longitude: float


class _File(BaseModel):
    file_name: str = ""
    mime_type: str = ""
    file_size: int = Field(default=0, ge=0)


class _Message(BaseModel):
    message_id: int
    date: int = 0
    chat: _Chat
    from_: _User | None = Field(default=None, alias="from")
    text: str = ""
    caption: str = ""
    contact: _Contact | None = None
    location: _Location | None = None
    photo: list[_File] = []
    media_group_id: str | None = None


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """A private message is a touch; everything else is ignored, saying why. Raises Unreadable."""
    update = read_object(delivery.body)
    event = next((name for name in update if name != "update_id"), None)
    if not isinstance(update.get("update_id"), int) or event is None:
        raise Unreadable("the body is no Update: update_id or the event is missing")
    if event != "message":
        return ignored(event, f"an update of this kind is no enquiry: {event[:60]}")
    try:
        message = _Message.model_validate(update["message"])
        files = _files(update["message"], message)
    except ValidationError as error:
        raise Unreadable(f"message: {wrong(error)}") from None
    return _private(message, files, delivery, settings)


def _private(message: _Message, files: list[Attachment], delivery: Delivery, settings: Settings) -> Parsed:
    sender, chat = message.from_, message.chat
    if sender is None or (chat.type or "private") != "private" or chat.id < 0:
        return ignored("group_message", "it was not written in a private chat")
    if sender.is_bot:
        return ignored("bot_message", "a bot wrote it")
    text = message.text or message.caption
    if not (text or files or message.contact or message.location):
        return ignored("service_message", "it holds nothing that a person wrote")
    if text.split("@")[0].strip() == "/start" and settings.text("start") != "accept":
        return ignored("start", "a bare /start is no enquiry yet")
    touch = Touch(
        medium="chat",
        conversation=f"telegram:{delivery.channel}:{chat.id}",
        # message_id is unique only within its chat, and update_id starts anew after a quiet week.
        external_id=f"{chat.id}:{message.message_id}",
        occurred_at=_moment(message.date),
        identities=_identities(message, sender),
        name=f"{sender.first_name} {sender.last_name}",
        language=sender.language_code,
        text=text,
        fields=_fields(message, sender),
        attachments=files,
    )
    return accepted("message", touch)


def _identities(message: _Message, sender: _User) -> list[Identity]:
    """The sender's id, and the phone only when the contact card is the sender's own."""
    found = [Identity(kind="telegram", value=str(sender.id))]
    card = message.contact
    digits = "".join(filter(str.isdecimal, card.phone_number)) if card else ""
    if card and digits and card.user_id == sender.id:
        found.append(Identity(kind="phone", value=f"+{digits}"[:320]))
    return found


def _fields(message: _Message, sender: _User) -> dict[str, str]:
    card, place = message.contact, message.location
    return {
        "telegram_username": sender.username,
        "start": message.text.partition(" ")[2] if message.text.startswith("/start ") else "",
        "album": message.media_group_id or "",
        "location": f"{place.latitude},{place.longitude}" if place else "",
        "shared_phone": card.phone_number if card and card.user_id != sender.id else "",
    }


def _files(raw: dict[str, Any], message: _Message) -> list[Attachment]:
    # An animation also comes as a document, for older clients; a photo comes in several sizes.
    names = [name for name in _FILES if name in raw and (name, "animation" in raw) != ("document", True)]
    found = [(_File.model_validate(raw[name]), *_FILES[name]) for name in names]
    if message.photo:
        found.append((max(message.photo, key=lambda size: size.file_size), "photo.jpg", "image/jpeg"))
    return [
        Attachment(name=file.file_name or name, content_type=file.mime_type or kind, size=file.file_size)
        for file, name, kind in found
    ]


def _moment(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (OverflowError, ValueError, OSError):
        return None
