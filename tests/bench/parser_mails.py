"""One mail of 5 kB as people send them, and how each kind of mail hands it over."""

import base64
import quopri
from datetime import UTC, datetime

from services.connectors.catalog.kinds import catalogue
from services.connectors.domain import Delivery, Settings

AT = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)
SIZE = 5 * 1024
_BOUNDARY = b"next-part-7d1"
_SAID = "Здравствуйте! Есть ли ещё места в вечерней группе по вторникам? Мне удобно после семи вечера.\n"
_QUOTED = "\n15 января 2026 г., 12:31, Школа <info@school.example> писала:\n> Добро пожаловать!\n"


def mail() -> bytes:
    """Two texts in two encodings, encoded words, the usual trail of headers; about SIZE bytes long."""
    subject = base64.b64encode("Вечерняя группа по вторникам".encode()).decode()
    name = base64.b64encode("Анна Петрова".encode()).decode()
    trail = [
        f"Received: from mx{n}.example.com by mx{n + 1}.example.com; Thu, 15 Jan 2026 09:3{n}:00 +0000"
        for n in range(4)
    ]
    head = [
        "Return-Path: <anna@example.com>",
        *trail,
        f"From: =?utf-8?B?{name}?= <anna@example.com>",
        "To: info@school.example",
        f"Subject: =?utf-8?B?{subject}?=",
        "Date: Thu, 15 Jan 2026 12:30:00 +0300",
        "Message-ID: <bench-1@example.com>",
        "In-Reply-To: <welcome-7@school.example>",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/alternative; boundary="{_BOUNDARY.decode()}"',
        "",
        "",
    ]
    before = "\r\n".join(head).encode()
    text = quopri.encodestring((_SAID + _QUOTED).encode()).replace(b"\n", b"\r\n")
    short = _parts(before, text, "")
    return _parts(before, text, "Спасибо! " * ((SIZE - len(short)) // 23))


def _parts(before: bytes, text: bytes, more: str) -> bytes:
    page = f"<html><body><p>{_SAID}</p><p>{more}</p><blockquote>{_QUOTED}</blockquote></body></html>"
    lines = base64.encodebytes(page.encode()).replace(b"\n", b"\r\n")
    return b"".join(
        [
            before,
            b"--%s\r\nContent-Type: text/plain; charset=utf-8\r\n" % _BOUNDARY,
            b"Content-Transfer-Encoding: quoted-printable\r\n\r\n%s\r\n" % text,
            b"--%s\r\nContent-Type: text/html; charset=utf-8\r\n" % _BOUNDARY,
            b"Content-Transfer-Encoding: base64\r\n\r\n%s\r\n--%s--\r\n" % (lines, _BOUNDARY),
        ]
    )


def handed_over() -> dict[str, tuple[Delivery, Settings]]:
    """The mail as each kind gets it, by the kind's name."""
    whole = mail()
    envelope = b'{"from": "anna@example.com", "to": ["info@school.example"]}'
    forms = {
        "mailgun": {"sender": b"anna@example.com", "timestamp": b"1768471200", "body-mime": whole},
        "sendgrid": {"envelope": envelope, "email": whole},
    }
    own = Settings({"addresses": ["info@school.example"]})
    headers = {"content-type": "message/rfc822", "mail-from": "anna@example.com"}
    found = {kind: (Delivery("mail", kind, whole, AT, headers), own) for kind in ("smtp", "imap")}
    for kind, fields in forms.items():
        body = b"".join(
            b'--form\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value)
            for name, value in fields.items()
        )
        typed = {"content-type": "multipart/form-data; boundary=form"}
        found[kind] = (Delivery("mail", kind, body + b"--form--\r\n", AT, typed), own)
    for kind, (delivery, settings) in found.items():
        parsed = catalogue()[kind].parse(delivery, settings)
        assert parsed.verdict == "accepted", f"{kind}: {parsed.reason}"
    return found
