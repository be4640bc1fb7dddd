"""A mail out of a mailbox. Sources: RFC 5322, RFC 3834, RFC 3464; RFC 5321, section 4.4."""

from dataclasses import replace

from services.connectors.domain import Delivery, Parsed, Settings, Touch
from services.connectors.errors import Unreadable
from services.connectors.reading.mail.message import Mail, read_mail
from services.connectors.reading.mail.touch import judged
from services.connectors.reading.moments import iso

# What the driver tells beside the mail.
_ARRIVED, _CUT_FROM, _LEFT_OUT = "arrived", "cut-from", "left-out"


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """A mail by a person is a touch; one that was cut says how long it was.

    Raises Unreadable for one that the server did not hand over.
    """
    if why := delivery.headers.get(_LEFT_OUT):
        folder, uid = (delivery.headers.get(name, "") for name in ("folder", "uid"))
        raise Unreadable(
            f"mail {uid} of {folder} is in the mailbox and was not handed over ({why}): read it there, "
            "or move it out of the folder and back to have it asked for again"
        )
    mail = read_mail(delivery.body)
    parsed = judged(mail, _envelope_sender(mail), settings, iso(delivery.headers.get(_ARRIVED)))
    whole = delivery.headers.get(_CUT_FROM)
    if not whole:
        return parsed
    items = (
        replace(item, fields={**item.fields, "bytes_in_mailbox": whole}) if isinstance(item, Touch) else item
        for item in parsed.items
    )
    return replace(parsed, items=tuple(items))


def _envelope_sender(mail: Mail) -> str | None:
    """As the last server wrote it down: empty for the null sender, None where it did not."""
    written = mail.raw("return-path").strip()
    return written.strip("<> ") if written else None
