"""Short messages and delivery receipts of SMPP. Source: SMPP 3.4 specification, issue 1.2.

A delivery is one unit, or those of a long message one after the other.
"""

from services.connectors.domain import Delivery, Parsed, Receipt, Settings, Touch, accepted, ignored
from services.connectors.errors import Unreadable
from services.connectors.reading.frames import frames_of
from services.connectors.reading.phones import phone_identity
from services.connectors.reading.smpp.pdus import Message, message_of
from services.connectors.reading.smpp.receipts import receipt_in
from services.connectors.reading.smpp.texts import decoded

_RECEIPT, _INTERMEDIATE = 0x04, 0x20
_TYPE = 0x3C
_INTERNATIONAL, _NAME = 1, 5
_DEFAULTS = {"gsm": "gsm", "latin1": "latin-1", "utf8": "utf-8", "ascii": "ascii"}


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """A text is a touch; what became of ours is a receipt. Raises Unreadable."""
    units = frames_of("hex").feed(delivery.body)
    if not units:
        raise Unreadable("there is no whole unit")
    messages = [message_of(unit) for unit in units]
    sort = messages[0].esm_class & _TYPE
    if sort == _RECEIPT:
        return _receipt(messages[0], settings)
    if sort == _INTERMEDIATE:
        return ignored("intermediate", "our message is on its way")
    if sort:
        return ignored("acknowledgement", "the telephone acknowledges, nobody wrote")
    return _text(messages, delivery, settings)


def _receipt(message: Message, settings: Settings) -> Parsed:
    told = receipt_in(message, settings.text("zone"))
    if not told.id:
        raise Unreadable("the receipt names no message")
    if told.status is None:
        return ignored("undecided", "the centre does not know what became of the message")
    receipt = Receipt(
        status=told.status,
        external_id=told.id,
        occurred_at=told.at,
        address=message.source.value,
        code=told.error if told.error.strip("0") else "",
        reason=told.state if told.status == "failed" else "",
    )
    return accepted("receipt", receipt)


def _text(messages: list[Message], delivery: Delivery, settings: Settings) -> Parsed:
    first = messages[0]
    text = _said(messages, _DEFAULTS.get(settings.text("alphabet"), "gsm"))
    if text is None:
        return ignored("binary", "it holds data for a telephone and no text")
    source, destination = first.source, first.destination
    plus = source.ton == _INTERNATIONAL or settings.flag("international")
    touch = Touch(
        medium="sms",
        conversation=f"{delivery.kind}:{delivery.channel}:{source.value or delivery.id}",
        external_id=delivery.id,
        identities=phone_identity(source.value, plus=plus) if source.ton != _NAME else [],
        name=source.value if source.ton == _NAME else None,
        text=text,
        fields={"to": destination.value, "missing_parts": _missing(messages)},
    )
    return accepted("message", touch)


def _said(messages: list[Message], default: str) -> str | None:
    """The whole text. Bytes of one coding are put together first: a sign may be cut in two."""
    first = messages[0]
    if all(one.data_coding == first.data_coding for one in messages):
        return decoded(b"".join(one.text for one in messages), first.data_coding, default)
    texts = [decoded(one.text, one.data_coding, default) for one in messages]
    return None if None in texts else "".join(filter(None, texts))


def _missing(messages: list[Message]) -> str:
    part = messages[0].part
    there = {one.part.number for one in messages if one.part}
    return (
        ", ".join(str(number) for number in range(1, part.total + 1) if number not in there) if part else ""
    )
