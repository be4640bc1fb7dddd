"""Texts through SMS Aero. Source: the vendor's Python SDK, send_sms; its API v2."""

from http import HTTPStatus
from typing import Any

from services.connectors.domain import Settings
from services.connectors.domain.exchange import Answer, Request
from services.connectors.domain.sending import Later, Outcome, Outgoing, Secrets, Sent
from services.connectors.reading.exchanges import as_json, base, basic, by_status, number, refused, said
from services.connectors.reading.inside import rows_at, text_at, value_at

_NO_MONEY = "no credits"
_WHO = "compare `email` and `api_key` with the account"


def request(message: Outgoing, settings: Settings, secrets: Secrets) -> Request:
    """`to` is a number with its country code; it goes without a plus."""
    document: dict[str, Any] = {
        "number": number(message.to.removeprefix("+")),
        "text": message.text,
        "sign": settings.text("sign"),
    }
    if settings.text("status_callback"):
        document |= {"callbackUrl": settings.text("status_callback"), "callbackFormat": "JSON"}
    user = basic(settings.text("email"), secrets.text("api_key"))
    return as_json(f"{base(settings)}/v2/sms/send", document, user)


def outcome(answer: Answer) -> Outcome:
    """`data` is the message, or a list of one; the id is the one that callbacks name."""
    document = said(answer)
    row = next(iter(rows_at(document, "data")), value_at(document, "data"))
    known, reason = text_at(row, "id"), text_at(document, "message") or text_at(document, "reason")
    if value_at(document, "success") is True and known:
        return Sent(known)
    result = text_at(document, "result")
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return refused(result or "http_401", f"{reason or 'it does not know us'}: {_WHO}")
    if result == _NO_MONEY:
        return refused(result, "there is no money on the account: put some on it")
    if result or value_at(document, "success") is False:
        early = by_status(answer, result, reason)
        return early if isinstance(early, Later) else refused(result or f"http_{answer.status}", reason)
    return by_status(answer, result, reason)
