"""Webhooks of the WhatsApp Cloud API. Source: developers.facebook.com, WhatsApp, webhook reference."""

from collections.abc import Iterator
from typing import Any

from contracts.interactions import Alteration, Identity
from services.connectors.domain import Delivery, Parsed, Settings, accepted, ignored, together
from services.connectors.domain.parsed import CallPart, Change, Receipt, ReceiptStatus, Touch
from services.connectors.errors import Unreadable
from services.connectors.reading.attached import attached
from services.connectors.reading.documents import flatten, read_object
from services.connectors.reading.inside import rows_at, size_at, text_at, value_at
from services.connectors.reading.moments import seconds
from services.connectors.reading.phones import phone_identity

# Played is said of voice messages: the person has listened.
_STATUSES: dict[str, ReceiptStatus] = {
    "sent": "sent", "delivered": "delivered", "read": "read", "played": "read", "failed": "failed",
}  # fmt: skip
_CHANGES: dict[str, Alteration] = {"edit": "edited", "revoke": "deleted"}
_IDS = ("wa_id", "user_id")
_TOLD = ("context", "location", "contacts", "order", "referral", "unsupported", "group_id")
_TEXTS = ("text.body", "button.text", "order.text", "interactive.nfm_reply.body",
          "interactive.button_reply.title", "interactive.list_reply.title")  # fmt: skip


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """Messages are touches, what becomes of them changes, statuses receipts. Raises Unreadable."""
    entries = rows_at(read_object(delivery.body, exact=True), "entry")
    changes = [change for entry in entries for change in rows_at(entry, "changes")]
    if not changes:
        raise Unreadable("the body has no entry with changes")
    return together(*(part for change in changes for part in _parts(change, delivery, settings)))


def _parts(change: dict[str, Any], delivery: Delivery, settings: Settings) -> Iterator[Parsed]:
    field, value = text_at(change, "field"), value_at(change, "value")
    if field not in ("messages", "calls"):
        yield ignored(field[:60] or "unknown", "it tells of the account, or of what we wrote ourselves")
    else:
        found = [_message(one, value, delivery, settings) for one in rows_at(value, "messages")]
        found += [_status(one) for one in rows_at(value, "statuses")]
        found += [_call(one, value) for one in rows_at(value, "calls")]
        yield from found or [ignored("errors", "it holds only what went wrong at the vendor")]


def _message(message: dict[str, Any], value: Any, delivery: Delivery, settings: Settings) -> Parsed:
    known, kind, group = (text_at(message, name) for name in ("id", "type", "group_id"))
    if not known:
        raise Unreadable("a message has no id")
    if kind in ("system", "request_welcome"):
        return ignored("system", "the vendor wrote it, no person")
    if group and settings.text("groups") != "accept":
        return ignored("group_message", "it was written in a group")
    ids = {text_at(message, "from"), text_at(message, "from_user_id")} - {""}
    people = (one for one in rows_at(value, "contacts") if any(text_at(one, key) in ids for key in _IDS))
    person = next(people, {})
    chat = group or text_at(message, "from") or text_at(message, "from_user_id")
    about: dict[str, Any] = {
        "conversation": f"whatsapp:{delivery.channel}:{chat}",
        "occurred_at": seconds(text_at(message, "timestamp")),
        "identities": _identities(message, person),
        "name": text_at(person, "profile", "name"),
    }
    if kind in ("reaction", "edit", "revoke"):
        return _changed(known, kind, value_at(message, kind), about)
    media, name, sort = (text_at(message, kind, part) for part in ("id", "filename", "mime_type"))
    touch = Touch(
        medium="chat",
        external_id=known,
        text=_text(message, kind),
        fields=_fields(message, person, value),
        attachments=attached(kind, media, name=name, content_type=sort),
        in_reply_to=[text_at(message, "context", "id")],
        **about,
    )
    return accepted("message", touch)


def _changed(known: str, kind: str, told: Any, about: dict[str, Any]) -> Parsed:
    target = text_at(told, "message_id" if kind == "reaction" else "original_message_id")
    emoji = text_at(told, "emoji")
    if not target:
        raise Unreadable(f"a message of type {kind} does not say which message is meant")
    what = _CHANGES.get(kind, "reacted" if emoji else "unreacted")
    text = _text(value_at(told, "message"), text_at(told, "message", "type"))
    change = Change(what=what, external_id=target, version=known, text=text, reaction=emoji, **about)
    return accepted(kind, change)


def _identities(message: dict[str, Any], person: dict[str, Any]) -> list[Identity]:
    """The number, and the id under which the business knows whoever hides it."""
    scoped = text_at(message, "from_user_id") or text_at(person, "user_id")
    number = phone_identity(text_at(message, "from"), plus=True)
    return number + ([Identity(kind="whatsapp", value=scoped[:320])] if scoped.strip() else [])


def _text(message: Any, kind: str) -> str:
    places = (*_TEXTS, f"{kind}.caption")
    return next((found for place in places if (found := text_at(message, *place.split(".")))), "")


def _fields(message: dict[str, Any], person: dict[str, Any], value: Any) -> dict[str, list[str]]:
    """What else it holds, by the vendor's names. A telephone in a shared card is not the sender's."""
    told = {name: message[name] for name in _TOLD if name in message}
    form = text_at(message, "interactive", "nfm_reply", "response_json")
    try:
        told["flow"] = read_object(form.encode("utf-8", "replace"), exact=True) if form else {}
    except Unreadable:
        told["flow"] = form
    return {
        **flatten(told),
        "business_phone": [text_at(value, "metadata", "display_phone_number")],
        "username": [text_at(person, "profile", "username")],
        "type": [text_at(message, "type")],
    }


def _status(status: dict[str, Any]) -> Parsed:
    known, said = text_at(status, "id"), _STATUSES.get(text_at(status, "status"))
    if not (known and said) or text_at(status, "type") == "call":
        return ignored("other_status", "it is no step of a message on its way")
    error = next(iter(rows_at(status, "errors")), None)
    return accepted("status", Receipt(
        status=said,
        external_id=known,
        message_id=text_at(status, "biz_opaque_callback_data"),
        occurred_at=seconds(text_at(status, "timestamp")),
        address=text_at(status, "recipient_participant_id") or text_at(status, "recipient_id"),
        code=text_at(error, "code"),
        reason=text_at(error, "error_data", "details") or text_at(error, "title"),
    ))  # fmt: skip


def _call(call: dict[str, Any], value: Any) -> Parsed:
    known, event = text_at(call, "id"), text_at(call, "event")
    if not known or event not in ("connect", "terminate"):
        return ignored("other_call", "it says nothing of how the call went")
    ours = text_at(call, "direction") == "BUSINESS_INITIATED"
    part = CallPart(
        call=known,
        state="ringing" if event == "connect" else "ended",
        direction="out" if ours else "in",
        occurred_at=seconds(text_at(call, "timestamp")),
        identities=phone_identity(text_at(call, "to" if ours else "from"), plus=True),
        line=text_at(value, "metadata", "display_phone_number"),
        cause=text_at(call, "status"),
        talk_seconds=size_at(call, "duration") or None,
    )
    return accepted("call", part)
