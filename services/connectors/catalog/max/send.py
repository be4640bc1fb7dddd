"""Texts through the MAX bot API. Source: dev.max.ru, POST /messages; the vendor's schema.yaml."""

from typing import Any
from urllib.parse import quote

from services.connectors.domain import Settings
from services.connectors.domain.exchange import Answer, Request
from services.connectors.domain.sending import Outcome, Outgoing, Secrets, Sent
from services.connectors.reading.exchanges import as_json, base, by_status, said
from services.connectors.reading.inside import text_at

_PERSON = "user:"


def request(message: Outgoing, settings: Settings, secrets: Secrets) -> Request:
    """`to` is a chat's id, or `user:` and a person's."""
    person = message.to.startswith(_PERSON)
    name, number = ("user_id", message.to.removeprefix(_PERSON)) if person else ("chat_id", message.to)
    document: dict[str, Any] = {"text": message.text}
    if message.reply_to:
        document["link"] = {"type": "reply", "mid": message.reply_to}
    url = f"{base(settings)}/messages?{name}={quote(number, safe='', errors='replace')}"
    return as_json(url, document, {"authorization": secrets.text("token")})


def outcome(answer: Answer) -> Outcome:
    """The id is the `mid`, as of those that come in."""
    document = said(answer)
    known = text_at(document, "message", "body", "mid")
    if known and answer.status < 300:
        return Sent(known)
    return by_status(answer, text_at(document, "code"), text_at(document, "message"))
