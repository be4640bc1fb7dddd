"""Texts through the Viber bot API. Source: creators.viber.com, bots API, send a message, common errors."""

from services.connectors.domain import Settings
from services.connectors.domain.exchange import Answer, Request
from services.connectors.domain.sending import InDoubt, Later, Outcome, Outgoing, Secrets, Sent
from services.connectors.reading.exchanges import as_json, base, by_status, pause, refused, said
from services.connectors.reading.inside import text_at

_DONE, _TOO_MANY = "0", "12"
_REMEDIES = {
    "2": "set the token that the admin panel shows",
    "6": "the person has left; they must write first",
    "10": "set the webhook first",
}
# Whatever has a higher number is a general error, of which Viber does not say how far it came.
_LAST_KNOWN = 24
_LONGEST_NAME = 28
# The first version whose clients show a plain text.
_OLDEST_CLIENT = 1


def request(message: Outgoing, settings: Settings, secrets: Secrets) -> Request:
    """`to` is the person's id for this bot. One message of theirs cannot be answered."""
    name = settings.text("sender_name") or settings.title or "Bot"
    document = {
        "receiver": message.to,
        "min_api_version": _OLDEST_CLIENT,
        "sender": {"name": name[:_LONGEST_NAME]},
        "tracking_data": message.id,
        "type": "text",
        "text": message.text,
    }
    token = {"x-viber-auth-token": secrets.text("auth_token")}
    # Viber takes 30 KB at most, which the longest text would pass were it written in ASCII.
    return as_json(f"{base(settings)}/pa/send_message", document, token, ascii_only=False)


def outcome(answer: Answer) -> Outcome:
    """The status stands in the document; the id is the token that callbacks name."""
    document = said(answer)
    code, reason = text_at(document, "status"), text_at(document, "status_message")
    known = text_at(document, "message_token")
    if code == _DONE:
        return Sent(known) if known else InDoubt("it was taken, but no message_token was told")
    if code == _TOO_MANY:
        # 100 to one person in an hour, unless they write: the others need not wait.
        return Later(pause(answer), reason)
    if code and not _is_known(code):
        return InDoubt(f"{reason} (status {code})")
    if code:
        remedy = _REMEDIES.get(code)
        return refused(code, f"{reason}: {remedy}" if remedy else reason)
    return by_status(answer)


def _is_known(code: str) -> bool:
    return code.isascii() and code.isdecimal() and len(code) < 4 and int(code) <= _LAST_KNOWN
