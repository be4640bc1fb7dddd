"""What SMSC.ru passes to the client's handler. Source: smsc.ru/api/http/miscellaneous/callback."""

import hashlib
from datetime import datetime

from services.connectors.domain import Delivery, Parsed, Settings, accepted, ignored, rejected
from services.connectors.domain.parsed import Receipt, ReceiptStatus, Touch
from services.connectors.errors import Unreadable
from services.connectors.reading.forms import Submission, urlencoded
from services.connectors.reading.moments import local, seconds
from services.connectors.reading.phones import phone_identity

_RECEIPTS: dict[str, ReceiptStatus] = {"0": "sent", "1": "delivered", "2": "read"}
_PENDING = ("-2", "-1")
_CLICKED = "4"
# Found nowhere, expired, and from 20 on: cannot be delivered.
_FAILED = ("-3", "3")
_FIRST_FAILURE = 20
# Types of what was sent that reach nobody: a look-up of a number, a silent ping.
_LOOKUPS = ("4", "5")


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """A message that came in is a touch, a status a receipt of ours. Raises Unreadable."""
    form = Submission(fields=urlencoded(delivery.body or delivery.query.encode("utf-8", "replace")))
    if form.empty:
        return ignored("probe", "nothing is told: the address was tried")
    if "mes" in form.fields:
        return _message(form, delivery, settings)
    if form.first("waitcall"):
        return ignored("waitcall", "somebody proved a number by a call")
    if form.first("type") in _LOOKUPS:
        return ignored("lookup", "a number was looked up, nothing was sent to anybody")
    return _status(form, settings)


def _message(form: Submission, delivery: Delivery, settings: Settings) -> Parsed:
    text, phone, line = form.first("mes"), form.first("phone"), form.first("to")
    if not text:
        return ignored("empty", "the message holds nothing")
    known = form.first("id") or form.first("sms_id")
    told = "\n".join((phone, line, text, form.first("ts") or form.first("time")))
    content = hashlib.blake2b(told.encode("utf-8", "replace"), digest_size=16).hexdigest()
    # SMSC.ru leaves out the plus of numbers that are international all the same.
    identities = phone_identity(phone, plus=len("".join(filter(str.isdecimal, phone))) > 9)
    touch = Touch(
        medium="sms",
        conversation=f"smsc:{delivery.channel}:{phone or known or content}",
        # Ids of what comes in and of what is sent are counted apart.
        external_id=f"in:{known}" if known else None,
        content=None if known else content,
        occurred_at=_moment(form, settings),
        identities=identities,
        text=text,
        fields={"to": line} if line else {},
    )
    return accepted("message", touch)


def _status(form: Submission, settings: Settings) -> Parsed:
    known, status = form.first("id"), form.first("status")
    if not known or not status:
        raise Unreadable("it has neither a message (mes) nor the status of one (id, status)")
    if status in _PENDING:
        return ignored("pending", "our message is on its way or was stopped")
    if status == _CLICKED:
        return ignored("clicked", "a link in our message was opened")
    became = _RECEIPTS.get(status) or ("failed" if _failed(status) else None)
    if became is None:
        return rejected("unknown", "it is not known what this status means")
    error = form.first("err")
    receipt = Receipt(
        status=became,
        external_id=known,
        occurred_at=_moment(form, settings),
        address=form.first("phone"),
        code=error if error not in ("", "0") else status,
    )
    return accepted(became, receipt)


def _failed(status: str) -> bool:
    number = status.isdecimal() and status.isascii() and len(status) < 6
    return status in _FAILED or (number and int(status) >= _FIRST_FAILURE)


def _moment(form: Submission, settings: Settings) -> datetime | None:
    """Seconds from 1970 where they are told, else the account's local time."""
    zone = settings.text("zone")
    return seconds(form.first("ts")) or local(form.first("time") or form.first("sent"), zone)
