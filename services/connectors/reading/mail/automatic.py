"""Which mail no person wrote to us: auto-replies, bounces, lists. Tested before any threading.

Sources: RFC 3834 (Auto-Submitted), RFC 3464 (delivery reports), RFC 2369/2919 (lists). Bounces of
Office 365 carry In-Reply-To of our own message. X-Auto-Response-Suppress is no mark: ordinary
Exchange mail carries it.
"""

import re

from services.connectors.reading.mail.message import Mail

_COMMENT = re.compile(r"\([^()]*\)")
_PRECEDENCE = frozenset({"bulk", "junk", "list", "auto_reply"})
_ROBOTS = frozenset({"mailer-daemon", "postmaster"})
_MARKS = {
    "x-failed-recipients": "a bounce: X-Failed-Recipients",
    "x-autoreply": "an automatic reply: X-Autoreply",
    "x-autorespond": "an automatic reply: X-Autorespond",
    "list-id": "mail of a list: List-Id",
    "list-unsubscribe": "mail of a list: List-Unsubscribe",
}


def why_automatic(mail: Mail, envelope_sender: str | None) -> str | None:
    """Why no person wrote this; None if one may have. An empty envelope sender is the null sender."""
    if envelope_sender is not None and envelope_sender.strip("<> ") == "":
        return "a bounce or an automatic reply: the envelope has no sender"
    submitted = _word(mail.raw("auto-submitted"))
    if submitted and submitted != "no":
        return "automatic: Auto-Submitted"
    if mail.content_type in ("multipart/report", "message/delivery-status"):
        return "a report about mail: multipart/report"
    if mail.raw("return-path") == "<>":
        return "a bounce: the Return-Path is empty"
    if _word(mail.raw("precedence")) in _PRECEDENCE:
        return "bulk mail: Precedence"
    for name, reason in _MARKS.items():
        if mail.raw(name):
            return reason
    if mail.sender.address.lower().partition("@")[0] in _ROBOTS:
        return "a mail server wrote it"
    return None


def _word(value: str) -> str:
    return _COMMENT.sub("", value).partition(";")[0].strip().lower()
