"""Texts to Instagram. Source: developers.facebook.com, Instagram messaging, Send API."""

from services.connectors.domain import Settings
from services.connectors.domain.exchange import Answer, Request
from services.connectors.domain.sending import Outcome, Outgoing, Secrets, Sent
from services.connectors.reading.exchanges import as_json, base, bearer, said
from services.connectors.reading.inside import text_at
from services.connectors.reading.meta_errors import by_error


def request(message: Outgoing, settings: Settings, secrets: Secrets) -> Request:
    """`to` is the person's id for this account. There is no way to answer one message of theirs."""
    document = {"recipient": {"id": message.to}, "message": {"text": message.text}}
    url = f"{base(settings)}/{settings.text('api_version')}/me/messages"
    return as_json(url, document, bearer(secrets.text("token")))


def outcome(answer: Answer) -> Outcome:
    """The id is the `mid` that reads name."""
    known = text_at(said(answer), "message_id")
    return Sent(known) if known and answer.status < 300 else by_error(answer)
