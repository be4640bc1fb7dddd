"""Events of the VK Callback API. Source: dev.vk.com, Callback API, events in communities."""

from typing import Any

from contracts.interactions import Alteration, Attachment, Identity
from services.connectors.domain import Delivery, Parsed, Settings, accepted, ignored, rejected
from services.connectors.domain.parsed import Change, Touch
from services.connectors.errors import Unreadable
from services.connectors.reading.attached import attached
from services.connectors.reading.documents import flatten, read_object
from services.connectors.reading.inside import rows_at, size_at, text_at, value_at
from services.connectors.reading.moments import seconds

_FIRST_GROUP_CHAT = 2_000_000_000
_SORTS = {"audio_message": "voice", "graffiti": "image", "doc": "file"}
_SHARED = ("link", "wall", "market", "wall_reply", "story", "poll", "gift", "call")
_TOLD = ("payload", "ref", "ref_source", "geo")


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """Messages are touches, edits and reactions changes. Raises Unreadable."""
    event = read_object(delivery.body, exact=True)
    name, told = text_at(event, "type"), value_at(event, "object")
    if not name or not isinstance(told, dict):
        raise Unreadable("the body is no event: type or object is missing")
    if text_at(event, "group_id") != settings.text("group_id"):
        return rejected("unknown", "it is of another community than the setting group_id says")
    once = text_at(event, "event_id")
    if name == "message_reaction_event":
        return _reaction(told, once, delivery, settings)
    if name not in ("message_new", "message_edit"):
        return ignored(name[:60], "it is no message of a person")
    # Before version 5.103 the object is the message itself.
    inner = value_at(told, "message")
    message: dict[str, Any] = inner if isinstance(inner, dict) else told
    return _unwanted(message, settings) or _message(name, message, once, delivery)


def _unwanted(message: dict[str, Any], settings: Settings) -> Parsed | None:
    author = text_at(message, "from_id") or text_at(message, "user_id")
    if text_at(message, "out") == "1" or author == f"-{settings.text('group_id')}":
        return ignored("echo", "we wrote it ourselves")
    if author.startswith("-"):
        return ignored("bot_message", "another community wrote it")
    if isinstance(message.get("action"), dict):
        return ignored("service_message", "it tells what happened to the chat")
    if size_at(message, "peer_id") >= _FIRST_GROUP_CHAT and settings.text("groups") != "accept":
        return ignored("group_message", "it was written in a chat of many")
    return None


def _message(name: str, message: dict[str, Any], once: str, delivery: Delivery) -> Parsed:
    author = text_at(message, "from_id") or text_at(message, "user_id")
    peer = text_at(message, "peer_id") or author
    known = _known(peer, message)
    if not (author and known):
        raise Unreadable("a message does not say its author or its number")
    at = text_at(message, "update_time") if name == "message_edit" else text_at(message, "date")
    about = _about(delivery, peer, author, at)
    text = text_at(message, "text") or text_at(message, "body")
    if name == "message_edit":
        version = text_at(message, "update_time") or once
        return accepted(name, Change(what="edited", external_id=known, version=version, text=text, **about))
    answered = value_at(message, "reply_message")
    touch = Touch(
        medium="chat",
        external_id=known,
        text=text,
        fields=_fields(message),
        attachments=[file for one in rows_at(message, "attachments") for file in _file(one)],
        in_reply_to=[_known(text_at(answered, "peer_id") or peer, answered)],
        **about,
    )
    return accepted(name, touch)


def _reaction(told: dict[str, Any], once: str, delivery: Delivery, settings: Settings) -> Parsed:
    """Without `reaction_id` it was taken back."""
    peer, number, person = (text_at(told, name) for name in ("peer_id", "cmid", "reacted_id"))
    if not (peer and number):
        raise Unreadable("a reaction does not say to which message")
    if size_at(told, "peer_id") >= _FIRST_GROUP_CHAT and settings.text("groups") != "accept":
        return ignored("group_message", "it was in a chat of many")
    reaction = text_at(told, "reaction_id")
    what: Alteration = "reacted" if reaction else "unreacted"
    about = _about(delivery, peer, person, "")
    change = Change(what=what, external_id=f"{peer}:{number}", version=once, reaction=reaction, **about)
    return accepted("message_reaction_event", change)


def _known(peer: str, message: Any) -> str:
    """The number within the conversation, which edits and reactions name, too; in old versions the id."""
    number, old = text_at(message, "conversation_message_id"), text_at(message, "id")
    if number:
        return f"{peer}:{number}"
    return f"id:{old}" if old else ""


def _about(delivery: Delivery, peer: str, author: str, at: str) -> dict[str, Any]:
    return {
        "conversation": f"vk:{delivery.channel}:{peer}",
        "occurred_at": seconds(at),
        "identities": [Identity(kind="vk", value=author[:320])] if author.strip("0 ") else [],
    }


def _fields(message: dict[str, Any]) -> dict[str, list[str]]:
    told = {name: message[name] for name in _TOLD if name in message}
    attachments = rows_at(message, "attachments")
    parts = [value_at(one, sort) for one in attachments if (sort := text_at(one, "type")) in _SHARED]
    shared = [text_at(part, name) for part in parts for name in ("title", "url", "text")]
    forwarded = [text_at(one, "text") for one in rows_at(message, "fwd_messages")]
    return {**flatten(told), "shared": shared, "forwarded": forwarded}


def _file(one: dict[str, Any]) -> list[Attachment]:
    """By its address, or, such as a video, by the name that VK's methods know it by."""
    sort = text_at(one, "type")
    if sort in _SHARED:
        return []
    media = value_at(one, sort)
    sizes = [*rows_at(media, "sizes"), *rows_at(media, "images")]
    best = max(sizes, key=lambda size: size_at(size, "width"), default=None)
    url = next((found for name in ("url", "link_ogg", "link_mp3") if (found := text_at(media, name))), "")
    owner, number = text_at(media, "owner_id"), text_at(media, "id")
    name = f"{sort}{owner}_{number}" if owner and number else ""
    shown, size = text_at(media, "title"), size_at(media, "size")
    return attached(_SORTS.get(sort, sort), url or text_at(best, "url") or name, name=shown, size=size)
