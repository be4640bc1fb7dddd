"""Delivery receipts as texts and optional parameters. Source: SMPP 3.4, appendix B and 5.3.2.35."""

import re
from dataclasses import dataclass
from datetime import datetime

from services.connectors.domain.parsed import ReceiptStatus
from services.connectors.reading.moments import local
from services.connectors.reading.smpp.pdus import MESSAGE_STATE, RECEIPTED_ID, Message, text_in

_FIELD = re.compile(r"\b(id|done date|stat|err|submit date|sub|dlvrd)\s*:\s*(\S*)", re.IGNORECASE)
_STATES = {
    1: "ENROUTE",
    2: "DELIVRD",
    3: "EXPIRED",
    4: "DELETED",
    5: "UNDELIV",
    6: "ACCEPTD",
    7: "UNKNOWN",
    8: "REJECTD",
}
_MEANING: dict[str, ReceiptStatus] = {
    "ENROUTE": "sent",
    "ACCEPTD": "sent",
    "DELIVRD": "delivered",
    "EXPIRED": "failed",
    "DELETED": "failed",
    "UNDELIV": "failed",
    "REJECTD": "failed",
}


@dataclass(frozen=True, slots=True)
class Told:
    """What a receipt says: the centre's id of the message, its state, when, and why."""

    id: str
    state: str
    status: ReceiptStatus | None
    at: datetime | None
    error: str


def receipt_in(message: Message, zone: str) -> Told:
    """The parameters go before the text: the text's id may be spelled another way."""
    text = message.text.decode("latin-1").partition("text:")[0].partition("Text:")[0]
    found = {name.lower(): value for name, value in _FIELD.findall(text)}
    state = found.get("stat", "").upper()[:7]
    if MESSAGE_STATE in message.tlvs:
        state = _STATES.get(int.from_bytes(message.tlvs[MESSAGE_STATE][:4], "big"), "UNKNOWN")
    known = text_in(message.tlvs.get(RECEIPTED_ID, b"")) or found.get("id", "")
    error = found.get("err", "")
    return Told(known, state, _MEANING.get(state), _moment(found.get("done date", ""), zone), error)


def _moment(told: str, zone: str) -> datetime | None:
    """YYMMDDhhmm, with seconds or without."""
    if not (told.isdecimal() and told.isascii() and len(told) in (10, 12)):
        return None
    pairs = [told[at : at + 2] for at in range(0, 12, 2)]
    year, month, day, hour, minute, second = pairs if pairs[5] else [*pairs[:5], "00"]
    return local(f"20{year}-{month}-{day} {hour}:{minute}:{second}", zone)
