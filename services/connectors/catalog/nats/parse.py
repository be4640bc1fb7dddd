"""A partner's CloudEvents in structured JSON. Source: CloudEvents 1.0.2, JSON event format.

The bytes are untrusted: the partner's ids are kept as the external id and used for nothing else.
"""

from typing import cast

from pydantic import ValidationError

from contracts.envelope import Envelope
from contracts.interactions import Medium
from services.connectors.domain import Delivery, Parsed, Settings, accepted, ignored, rejected
from services.connectors.reading.documents import flatten, read_object
from services.connectors.reading.fieldmap import mapped_touch
from services.connectors.reading.forms import Submission
from services.connectors.reading.wrong import wrong

_LONGEST_ID = 400


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """One event, one touch: its data goes through the channel's mapping. Raises Unreadable."""
    document = read_object(delivery.body, exact=True)
    try:
        event = Envelope.model_validate({**document, "data": document.get("data") or {}})
    except ValidationError as error:
        return rejected("unknown", f"no CloudEvent 1.0: {wrong(error)}")
    if len(event.source) + len(event.id) > _LONGEST_ID:
        return rejected("unknown", f"source and id together are longer than {_LONGEST_ID}")
    types = settings.texts("types")
    if types and event.type not in types:
        return ignored("other_type", "this type of event is not listed in `types`")
    submission = Submission(fields=flatten(event.data))
    if submission.empty:
        return ignored("empty", "the event has no data")
    touch = mapped_touch(
        submission,
        delivery,
        settings,
        medium=cast(Medium, settings.text("medium") or "unknown"),
        external_id=f"{event.source} {event.id}",
        occurred_at=event.time,
    )
    return accepted("event", touch)
