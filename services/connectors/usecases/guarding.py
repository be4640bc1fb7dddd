"""The channel's guard: what a delivery holds against it, and how many came before it."""

from collections.abc import Iterator, Sequence
from urllib.parse import parse_qsl

from contracts.interactions import InteractionReceived
from services.connectors.domain import Delivery
from services.connectors.domain.guard import OWN_PREFIX, SECONDS_FIELD, Guard
from services.connectors.errors import Unreadable
from services.connectors.reading.documents import FieldList
from services.connectors.reading.fieldmap import PAGE_FIELDS
from services.connectors.reading.forms import read_submission


def why_caught(guard: Guard, delivery: Delivery, facts: Sequence[InteractionReceived]) -> str:
    """Why the guard sets a delivery aside that comes to these facts; empty if it does not."""
    if guard.honeypots and (why := guard.why_filled(_filled(guard, delivery))):
        return why
    if guard.reads_texts and (why := guard.why_written(_texts(facts))):
        return why
    return ""


def _filled(guard: Guard, delivery: Delivery) -> FieldList:
    """What the form tells for the guard alone: in its body, or beside it in the address."""
    fields: FieldList = {}
    if _may_tell(guard, delivery.body):
        try:
            submission = read_submission(delivery)
        except Unreadable:
            submission = None
        fields = dict(submission.fields) if submission else {}
    if SECONDS_FIELD in delivery.query:
        try:
            told = dict(parse_qsl(delivery.query, max_num_fields=100))
        except ValueError:
            told = {}
        fields.setdefault(SECONDS_FIELD, []).append(told.get(SECONDS_FIELD, ""))
    return fields


def _may_tell(guard: Guard, body: bytes) -> bool:
    """Whether a body is worth reading for this: most hold none of these names."""
    if OWN_PREFIX.encode() in body:
        return True
    # A name of other letters may be spelled in many ways.
    return any(
        not (name.isascii() and name.isalnum()) or name.encode() in body
        for name in guard.honeypots
        if not name.startswith(OWN_PREFIX)
    )


def _texts(facts: Sequence[InteractionReceived]) -> Iterator[str]:
    """All that was written, without what tells of the page alone."""
    for fact in facts:
        yield from filter(None, (fact.sender.name, fact.title, fact.text))
        yield from (identity.value for identity in fact.sender.identities)
        for name, value in fact.fields.items():
            if name not in PAGE_FIELDS and not name.startswith("utm_"):
                yield from [value] if isinstance(value, str) else value
