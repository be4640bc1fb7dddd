"""Texts through SMSC.ru. Source: smsc.ru/api, HTTP/HTTPS, sending of SMS and its error codes."""

from services.connectors.domain import Settings
from services.connectors.domain.exchange import Answer, Request
from services.connectors.domain.sending import Later, Outcome, Outgoing, Secrets, Sent
from services.connectors.reading.exchanges import as_form, base, by_status, refused, said
from services.connectors.reading.inside import text_at

# 4: our address is shut out for a while; 9: the same within a minute, or more than 15 requests at once.
_LATER = {"4": 600.0, "9": 60.0}
_THE_SAME = "duplicate"
_REMEDIES = {
    "2": "compare `login` and `password` with the account, and its list of allowed addresses",
    "3": "put money on the account",
    "7": "the number must be written with its country code",
}
_AS_JSON = "3"


def request(message: Outgoing, settings: Settings, secrets: Secrets) -> Request:
    """`to` is a number with its country code. Without `charset` the vendor takes windows-1251."""
    fields = [
        ("login", settings.text("login")),
        ("psw", secrets.text("password")),
        ("phones", message.to),
        ("mes", message.text),
        ("sender", settings.text("sender")),
        ("charset", "utf-8"),
        ("fmt", _AS_JSON),
    ]
    return as_form(f"{base(settings)}/sys/send.php", fields)


def outcome(answer: Answer) -> Outcome:
    """An error stands in the document, too; the id is the one that statuses name."""
    document = said(answer)
    code, reason = text_at(document, "error_code"), text_at(document, "error")
    if code in _LATER:
        return Later(_LATER[code], reason, whole=_THE_SAME not in reason)
    if code:
        remedy = _REMEDIES.get(code)
        return refused(code, f"{reason}: {remedy}" if remedy else reason)
    known = text_at(document, "id")
    return Sent(known) if known and answer.status < 300 else by_status(answer)
