"""Texts in the name of a VK community. Source: dev.vk.com, messages.send; vk-api-schema, errors.json."""

import hashlib
import json

from services.connectors.domain import Settings
from services.connectors.domain.exchange import Answer, Request
from services.connectors.domain.sending import InDoubt, Later, Outcome, Outgoing, Secrets, Sent
from services.connectors.reading.exchanges import as_form, base, by_status, pause, refused, said
from services.connectors.reading.inside import rows_at, text_at

# 6: too many in a second; 29: in a day. 9: too much of the same to one person.
_TOO_MANY, _FLOOD = frozenset({"6", "29"}), "9"
# 1 and 10: an error of the vendor's own, of which it does not say how far it came.
_OPEN = frozenset({"1", "10"})
_REMEDIES = {
    "5": "set an access key of the community that is valid",
    "7": "the key lacks the right to send messages",
    "15": "the key lacks the right to send messages",
    "27": "set an access key of the community that is valid",
    "901": "the person has not allowed messages from this community; they must write first",
}
# VK takes a signed number of 32 bits: all larger ones would be one and the same to it.
_BITS = 32


def request(message: Outgoing, settings: Settings, secrets: Secrets) -> Request:
    """`to` is a peer_id, `reply_to` an id of ours: peer:number. `random_id` lets VK know a repeat."""
    fields = [
        ("peer_ids", message.to),
        ("random_id", str(_random(message.id))),
        ("message", message.text),
        ("forward", _answered(message)),
        ("v", settings.text("api_version")),
        ("access_token", secrets.text("token")),
    ]
    return as_form(f"{base(settings)}/method/messages.send", fields)


def outcome(answer: Answer) -> Outcome:
    """A message is known by its peer and its number there, as those that come in are."""
    document = said(answer)
    row = next(iter(rows_at(document, "response")), {})
    peer, number = text_at(row, "peer_id"), text_at(row, "conversation_message_id")
    error = row if "error" in row else document
    code = text_at(error, "error", "error_code") or text_at(error, "error", "code")
    reason = text_at(error, "error", "error_msg") or text_at(error, "error", "description")
    if code in _TOO_MANY:
        return Later(pause(answer), reason, whole=True)
    if code == _FLOOD:
        return Later(60, reason)
    if code in _OPEN:
        return InDoubt(f"{reason} ({code})")
    if code:
        remedy = _REMEDIES.get(code)
        return refused(code, f"{reason}: {remedy}" if remedy else reason)
    if words := text_at(row, "error"):
        return refused("refused", words)
    if peer and number not in ("", "0"):
        return Sent(f"{peer}:{number}")
    known = text_at(row, "message_id")
    return Sent(f"id:{known}") if known not in ("", "0") else by_status(answer)


def _random(known_as: str) -> int:
    """The same number for the same message, spread over all there are. It is never 0, which says nothing."""
    digest = hashlib.sha256(known_as.encode()).digest()
    return int.from_bytes(digest[: _BITS // 8], "big", signed=True) or 1


def _answered(message: Outgoing) -> str:
    peer, _, number = message.reply_to.rpartition(":")
    if not (number.isascii() and number.isdecimal() and peer.removeprefix("-").isdecimal()):
        return ""
    return json.dumps({"peer_id": int(peer), "conversation_message_ids": [int(number)], "is_reply": True})
