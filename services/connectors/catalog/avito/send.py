"""Texts through the Avito messenger. Source: the vendor's API page, messenger v1; public integrations."""

from urllib.parse import quote

from services.connectors.domain import Settings
from services.connectors.domain.exchange import Answer, Request
from services.connectors.domain.sending import Outcome, Outgoing, Secrets, Sent
from services.connectors.reading.exchanges import as_json, base, bearer, by_status, said
from services.connectors.reading.inside import text_at


def request(message: Outgoing, settings: Settings, secrets: Secrets) -> Request:
    """`to` is a chat's id. One message cannot be answered."""
    account, chat = (quote(one, safe="", errors="replace") for one in (settings.text("user_id"), message.to))
    url = f"{base(settings)}/messenger/v1/accounts/{account}/chats/{chat}/messages"
    document = {"message": {"text": message.text}, "type": "text"}
    return as_json(url, document, bearer(secrets.text("access_token")))


def outcome(answer: Answer) -> Outcome:
    """The id is that of the message in its chat."""
    document = said(answer)
    known = text_at(document, "id")
    if known and answer.status < 300:
        return Sent(known)
    code = text_at(document, "error", "code") or text_at(document, "code")
    reason = text_at(document, "error", "message") or text_at(document, "message")
    return by_status(answer, code, reason)
