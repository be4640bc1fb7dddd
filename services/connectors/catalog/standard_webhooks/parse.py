"""Events by the Standard Webhooks convention. Source: Standard Webhooks 1.0.0.

The payload is the sender's own: `type` and `timestamp` are recommended, the rest goes through the
channel's mapping.
"""

from typing import cast

from contracts.interactions import Medium
from services.connectors.domain import Delivery, Parsed, Settings, accepted, ignored, rejected
from services.connectors.reading.fieldmap import mapped_touch, skipped
from services.connectors.reading.forms import read_submission
from services.connectors.reading.moments import iso

# The standard's own fields, which say nothing about the person.
_OUTER = ("type", "timestamp")


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """One event, one touch, known by `webhook-id`. Raises Unreadable."""
    submission = read_submission(delivery)
    if submission is None:
        return rejected("unknown", "the body is neither JSON nor a form")
    kind = submission.first("type")
    if not wanted(kind, settings.texts("types")):
        return ignored("other_type", "this type of event is not listed in `types`")
    unwanted = skipped(settings).union(_OUTER)
    if not any(submission.first(name) for name in submission.fields if name not in unwanted):
        return ignored("empty", "the event has no data")
    touch = mapped_touch(
        submission,
        delivery,
        settings,
        medium=cast(Medium, settings.text("medium") or "unknown"),
        external_id=delivery.headers.get("webhook-id", "").strip() or None,
        occurred_at=iso(submission.first("timestamp")),
    )
    return accepted("event", touch)


def wanted(kind: str, types: tuple[str, ...]) -> bool:
    """Whether a type is on the list; an empty list wants everything."""
    return not types or any(kind.startswith(one[:-1]) if one.endswith("*") else kind == one for one in types)
