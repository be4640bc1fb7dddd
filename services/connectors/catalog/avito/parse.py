"""Webhooks of the Avito messenger, version 3. Source: the vendor's API page and public integrations."""

from typing import Any

from contracts.interactions import Attachment, Identity
from services.connectors.domain import Delivery, Parsed, Settings, accepted, ignored
from services.connectors.domain.parsed import Change, Touch
from services.connectors.errors import Unreadable
from services.connectors.reading.attached import attached
from services.connectors.reading.documents import flatten, read_object
from services.connectors.reading.inside import text_at, value_at
from services.connectors.reading.moments import iso, seconds

_TOLD = ("item", "link", "location", "call", "flow_id")


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """What a buyer writes is a touch, what a buyer deletes a change. Raises Unreadable."""
    event = read_object(delivery.body, exact=True)
    name, told = text_at(event, "payload", "type"), value_at(event, "payload", "value")
    # Some deliveries are the value alone.
    message = told if isinstance(told, dict) else event
    if (name or "message") != "message":
        return ignored(name[:60], "it is no message of a person")
    known, chat, author = (text_at(message, part) for part in ("id", "chat_id", "author_id"))
    if not (known and chat):
        raise Unreadable("a message does not say its id or its chat_id")
    kind = text_at(message, "type")
    if kind == "system" or author in ("", "0", "1"):
        return ignored("system", "the vendor wrote it, no person")
    if author == text_at(message, "user_id"):
        return ignored("echo", "we wrote it ourselves")
    about: dict[str, Any] = {
        "conversation": f"avito:{delivery.channel}:{chat}",
        "external_id": known,
        "occurred_at": iso(text_at(message, "published_at")) or seconds(text_at(message, "created")),
        "identities": [Identity(kind="avito", value=author[:320])] if author.strip() else [],
    }
    if kind == "deleted":
        return accepted("deleted", Change(what="deleted", **about))
    return accepted("message", _touch(message, kind, about))


def _touch(message: dict[str, Any], kind: str, about: dict[str, Any]) -> Touch:
    content = value_at(message, "content")
    told = {name: value_at(content, name) for name in _TOLD}
    return Touch(
        medium="chat",
        text=text_at(content, "text") or text_at(content, "link", "text"),
        name=text_at(message, "author", "name"),
        fields={
            **flatten(told),
            "item_id": text_at(message, "item_id"),
            "type": kind,
            "account": text_at(message, "user_id"),
        },
        attachments=_files(content),
        in_reply_to=[text_at(message, "quote", "id")],
        **about,
    )


def _files(content: Any) -> list[Attachment]:
    """A picture in its largest size; a voice by the id that another call turns into an address."""
    sizes = value_at(content, "image", "sizes")
    named = (
        {size: url for size, url in sizes.items() if isinstance(url, str)} if isinstance(sizes, dict) else {}
    )
    largest = max(named, key=_width, default="")
    picture = attached("image", named.get(largest, ""))
    return [*picture, *attached("voice", text_at(content, "voice", "voice_id"))]


def _width(size: str) -> int:
    width = size.partition("x")[0]
    return int(width) if width.isascii() and width.isdecimal() and len(width) < 9 else 0
