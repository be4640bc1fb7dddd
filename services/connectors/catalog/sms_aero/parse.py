"""Callbacks of SMS Aero. Source: the vendor's SDKs, for what a message with its status looks like.

The layout of a callback is published nowhere that could be read: JSON and forms are taken, and the
fields of an incoming message have settings.
"""

from typing import cast

from services.connectors.domain import Delivery, Parsed, Settings, accepted, ignored, rejected
from services.connectors.domain.parsed import Receipt, ReceiptStatus, Touch
from services.connectors.errors import Unreadable
from services.connectors.reading.documents import dotted
from services.connectors.reading.forms import Submission, read_submission, urlencoded
from services.connectors.reading.moments import seconds
from services.connectors.reading.phones import phone_identity

# By number and by word: `status` and `extendStatus`.
_MEANINGS = {
    "0": "pending",
    "1": "delivered",
    "2": "failed",
    "3": "sent",
    "4": "pending",
    "6": "failed",
    "8": "pending",
    "queue": "pending",
    "delivery": "delivered",
    "send": "sent",
    "write": "read",
    "moderation": "pending",
}
_RECEIPTS = ("sent", "delivered", "read", "failed")
# `/in/<channel>/<secret>/incoming`: an address for messages only, whatever their fields.
_INCOMING = "incoming"
_INTERNATIONAL = 10


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """A status is a receipt of ours, a text without one a touch. Raises Unreadable."""
    form = _form(delivery)
    if form.empty:
        return ignored("probe", "nothing is told: the address was tried")
    status = form.first("extendStatus").lower(), form.first("status")
    if delivery.path.strip("/") == _INCOMING or not any(status):
        return _message(form, delivery, settings)
    return _status(form, status, settings)


def _form(delivery: Delivery) -> Submission:
    if not delivery.body.strip():
        return Submission(fields=urlencoded(delivery.query.encode("utf-8", "replace")))
    form = read_submission(delivery)
    if form is None:
        raise Unreadable("the body is neither JSON nor a form")
    return form


def _status(form: Submission, status: tuple[str, str], settings: Settings) -> Parsed:
    known = form.first("id")
    if not known:
        raise Unreadable("a status does not say of which message: id is missing")
    told = dict(pair.split("=", 1) for pair in settings.texts("statuses") if "=" in pair)
    # The word counts before the number: 2 is "failed" of an SMS and "write" (read) of a Viber message.
    named = [table[one] for table in (told, _MEANINGS) for one in status if one in table]
    became = named[0].strip() if named else ""
    if became == "pending":
        return ignored("pending", "our message is on its way")
    if became not in _RECEIPTS:
        return rejected("unknown", "it is not known what this status means; see the setting statuses")
    receipt = Receipt(
        status=cast(ReceiptStatus, became),
        external_id=known,
        occurred_at=seconds(form.first("dateAnswer")),
        address=form.first("number"),
        code=status[1],
        reason=status[0],
    )
    return accepted(became, receipt)


def _message(form: Submission, delivery: Delivery, settings: Settings) -> Parsed:
    def told(name: str) -> str:
        return form.first(dotted(settings.text(name)))

    text, sender, known = told("text_field"), told("sender_field"), told("id_field")
    if not text and not sender:
        raise Unreadable("it has neither a status nor the fields of text_field and sender_field")
    if not text:
        return ignored("empty", "the message holds nothing")
    used = {dotted(settings.text(name)) for name in ("text_field", "sender_field", "id_field")}
    plus = sum(map(str.isdecimal, sender)) >= _INTERNATIONAL
    touch = Touch(
        medium="sms",
        conversation=f"sms_aero:{delivery.channel}:{sender or known or delivery.id}",
        # Ids of what comes in and of what is sent are counted apart.
        external_id=f"in:{known}" if known else None,
        content=None if known else form.content(),
        occurred_at=seconds(form.first("dateCreate") or form.first("date")),
        identities=phone_identity(sender, plus=plus),
        text=text,
        fields={name: values for name, values in form.fields.items() if name not in used},
    )
    return accepted("message", touch)
