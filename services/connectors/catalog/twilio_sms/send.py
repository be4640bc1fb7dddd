"""Texts through Twilio. Source: twilio.com/docs, Message resource; error and warning dictionary."""

from services.connectors.domain import Settings
from services.connectors.domain.exchange import Answer, Request
from services.connectors.domain.sending import Later, Outcome, Outgoing, Secrets, Sent
from services.connectors.reading.exchanges import as_form, base, basic, by_status, pause, refused, said
from services.connectors.reading.inside import text_at

# 20429: too many requests at once, none of which was done; 21611: this number's queue is full.
_TOO_MANY = frozenset({"20429", "21611"})
_REMEDIES = {
    "20003": "compare `account_sid` and `auth_token` with the console",
    "21610": "the person has sent STOP; they must send START first",
}
_SERVICE = "MG"


def request(message: Outgoing, settings: Settings, secrets: Secrets) -> Request:
    """`to` is a number with its plus; the sender is a number of ours or a messaging service."""
    account, sender = settings.text("account_sid"), settings.text("sender")
    fields = [
        ("To", message.to),
        ("MessagingServiceSid" if sender.startswith(_SERVICE) else "From", sender),
        ("Body", message.text),
        ("StatusCallback", settings.text("status_callback")),
    ]
    url = f"{base(settings)}/2010-04-01/Accounts/{account}/Messages.json"
    return as_form(url, fields, basic(account, secrets.text("auth_token")))


def outcome(answer: Answer) -> Outcome:
    """The id is the MessageSid that statuses name."""
    document = said(answer)
    known = text_at(document, "sid")
    if known and answer.status < 300:
        return Sent(known)
    code, reason = text_at(document, "code"), text_at(document, "message")
    if code in _TOO_MANY:
        return Later(pause(answer), reason, whole=True)
    if code in _REMEDIES:
        return refused(code, f"{reason}: {_REMEDIES[code]}")
    return by_status(answer, code, reason)
