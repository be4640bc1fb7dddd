"""Texts through the Telegram Bot API. Source: core.telegram.org/bots/api, sendMessage, ResponseParameters."""

from typing import Any

from services.connectors.domain import Settings
from services.connectors.domain.exchange import Answer, Request
from services.connectors.domain.sending import Later, Outcome, Outgoing, Secrets, Sent
from services.connectors.reading.exchanges import (
    as_json,
    base,
    by_status,
    number,
    pause,
    refused,
    said,
    seconds,
)
from services.connectors.reading.inside import text_at

_TOO_MANY = "429"
# The token is wrong or was taken back: the path holds it, so there is no such path.
_NO_TOKEN = ("401", "404")


def request(message: Outgoing, settings: Settings, secrets: Secrets) -> Request:
    """`to` is a chat's id, `reply_to` an id of ours: chat:message."""
    document: dict[str, Any] = {"chat_id": number(message.to), "text": message.text}
    answered = message.reply_to.rpartition(":")[2]
    if answered:
        document["reply_parameters"] = {
            "message_id": number(answered),
            "allow_sending_without_reply": True,
        }
    return as_json(f"{base(settings)}/bot{secrets.text('token')}/sendMessage", document)


def outcome(answer: Answer) -> Outcome:
    """A message is known by its chat and its number, as those that come in are."""
    document = said(answer)
    chat, known = text_at(document, "result", "chat", "id"), text_at(document, "result", "message_id")
    if known and chat:
        return Sent(f"{chat}:{known}")
    code, reason = text_at(document, "error_code"), text_at(document, "description")
    if code == _TOO_MANY:
        # It is nearly always one chat that had too much.
        after = seconds(text_at(document, "parameters", "retry_after"), pause(answer))
        return Later(after, reason)
    if code in _NO_TOKEN and answer.status == int(code):
        return refused(code, f"{reason}: set the token that @BotFather shows")
    return by_status(answer, code, reason)
