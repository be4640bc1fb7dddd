"""Messaging events as Meta sends them for Messenger and Instagram.

Source: Meta, Messenger Platform, webhook events reference; Instagram messaging, webhooks.
"""

from collections.abc import Iterator
from typing import Any

from contracts.interactions import Alteration, Attachment, Identity
from services.connectors.domain import Delivery, Parsed, Settings, accepted, ignored, together
from services.connectors.domain.parsed import Change, Receipt, Touch
from services.connectors.errors import Unreadable
from services.connectors.reading.attached import attached
from services.connectors.reading.documents import flatten, read_object
from services.connectors.reading.inside import rows_at, text_at, value_at
from services.connectors.reading.moments import milliseconds

_FILES = frozenset({"image", "audio", "video", "file", "sticker"})
_TOLD = ("quick_reply", "referral", "reply_to", "is_unsupported")
_EVENTS = ("message", "message_edit", "reaction", "postback", "delivery", "read")
_AROUND = frozenset({"sender", "recipient", "timestamp", "is_self"})
About = dict[str, Any]


def messaging(delivery: Delivery, settings: Settings) -> Parsed:
    """What persons did in the chats of a page or an Instagram account. Raises Unreadable.

    Identities are of the delivery's kind. The settings `standby` and `postbacks`, accept or ignore, say
    whether messages that another app answers, and taps on buttons, are enquiries.
    """
    entries = rows_at(read_object(delivery.body, exact=True), "entry")
    if not entries:
        raise Unreadable("the body has no entry")
    return together(*(part for entry in entries for part in _entry(entry, delivery, settings)))


def _entry(entry: dict[str, Any], delivery: Delivery, settings: Settings) -> Iterator[Parsed]:
    for item in rows_at(entry, "messaging"):
        yield _item(item, text_at(entry, "id"), delivery, settings)
    for item in rows_at(entry, "standby"):
        if settings.text("standby") == "accept":
            yield _item(item, text_at(entry, "id"), delivery, settings)
        else:
            yield ignored("standby", "another app holds the conversation")
    for change in rows_at(entry, "changes"):
        yield ignored(text_at(change, "field")[:60] or "unknown", "it is no message in a chat")


def _item(item: dict[str, Any], ours: str, delivery: Delivery, settings: Settings) -> Parsed:
    named = [name for name in _EVENTS if name in item] + [name for name in item if name not in _AROUND]
    event = named[0] if named else "unknown"
    told, at = value_at(item, event), text_at(item, "timestamp")
    # The chat plugin of a site knows its visitor by a reference first.
    person = text_at(item, "sender", "id") or text_at(item, "sender", "user_ref")
    about: About = {
        "conversation": f"{delivery.kind}:{delivery.channel}:{person}",
        "occurred_at": milliseconds(at),
        "identities": [Identity(kind=delivery.kind, value=person[:320])] if person.strip() else [],
    }
    if value_at(told, "is_echo") or (person and person == ours):
        return ignored("echo", "we wrote it ourselves")
    match event:
        case "message":
            return _message(told, about)
        case "message_edit":
            return _change("message_edit", "edited", told, text_at(told, "num_edit") or at, about)
        case "reaction":
            taken = text_at(told, "action") == "unreact"
            return _change("reaction", "unreacted" if taken else "reacted", told, at, about)
        case "postback":
            if settings.text("postbacks") == "ignore":
                return ignored("tap", "a tap on a button is no enquiry in this channel")
            return _postback(told, f"{person}:{at}", about)
        case "delivery" | "read":
            return _receipts(event, told, person, at)
    return ignored(event[:60], "it is no message of a person")


def _message(message: Any, about: About) -> Parsed:
    if value_at(message, "is_deleted"):
        return _change("message_deleted", "deleted", message, "", about)
    known, files, links = text_at(message, "mid"), dict[str, Attachment](), list[str]()
    if not known:
        raise Unreadable("a message has no mid")
    for one in rows_at(message, "attachments"):
        url, sort = text_at(one, "payload", "url") or text_at(one, "url"), text_at(one, "type")
        for file in attached(sort, url) if sort in _FILES else ():
            # A sticker comes a second time as an image of the same address.
            files.setdefault(url, file)
        if sort not in _FILES:
            links += [sort, text_at(one, "title") or text_at(one, "payload", "title"), url]
    told = {name: message[name] for name in _TOLD if name in message}
    places = [value_at(one, "payload", "coordinates") for one in rows_at(message, "attachments")]
    touch = Touch(
        medium="chat",
        external_id=known,
        text=text_at(message, "text"),
        fields={**flatten(told), **flatten({"location": list(filter(None, places))}), "shared": links},
        attachments=list(files.values()),
        in_reply_to=[text_at(message, "reply_to", "mid")],
        **about,
    )
    return accepted("message", touch)


def _change(event: str, what: Alteration, told: Any, version: str, about: About) -> Parsed:
    target = text_at(told, "mid")
    if not target:
        raise Unreadable(f"{event} does not say which message is meant")
    reaction = text_at(told, "emoji") or text_at(told, "reaction")
    text = text_at(told, "text")
    change = Change(what=what, external_id=target, version=version, text=text, reaction=reaction, **about)
    return accepted(event, change)


def _postback(told: Any, otherwise: str, about: About) -> Parsed:
    """A tap on a button. In older versions it has no mid: then person and time name it."""
    shown = {name: value_at(told, name) for name in ("payload", "referral")}
    touch = Touch(
        medium="chat",
        external_id=text_at(told, "mid") or f"postback:{otherwise}",
        text=text_at(told, "title"),
        fields={f"postback.{name}": values for name, values in flatten(shown).items()},
        **about,
    )
    return accepted("postback", touch)


def _receipts(event: str, told: Any, person: str, at: str) -> Parsed:
    many = value_at(told, "mids")
    mids = [*(many if isinstance(many, list) else ()), text_at(told, "mid")]
    receipts = [
        Receipt(
            status="delivered" if event == "delivery" else "read",
            external_id=mid,
            occurred_at=milliseconds(at),
            address=person,
        )
        for mid in mids
        if isinstance(mid, str) and mid.strip()
    ]
    if not receipts:
        return ignored(f"{event}_watermark", "it says up to when, not which messages")
    return accepted(event, *receipts)
