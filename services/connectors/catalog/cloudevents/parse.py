"""CloudEvents over HTTP: structured, batched and binary. Source: CloudEvents 1.0.2, HTTP binding."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast
from urllib.parse import unquote_to_bytes

from pydantic import ValidationError

from contracts.envelope import Envelope
from contracts.interactions import Medium
from services.connectors.domain import Delivery, Parsed, Settings, accepted, ignored, rejected, together
from services.connectors.errors import Unreadable
from services.connectors.reading.attached import carried
from services.connectors.reading.charsets import decode
from services.connectors.reading.documents import flatten, read_json, read_object
from services.connectors.reading.fieldmap import mapped_touch
from services.connectors.reading.forms import Submission, read_submission
from services.connectors.reading.wrong import wrong

_STRUCTURED = "application/cloudevents"
# It begins like the other one, so it is asked for first.
_BATCHED = "application/cloudevents-batch"
_ATTRIBUTES = ("id", "source", "type", "subject", "time")
_LONGEST_ID = 400
_MOST_EVENTS = 500
_QUOTED = re.compile(r'"(.*)"', re.DOTALL)


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """One touch for each event. Raises Unreadable."""
    kind = delivery.headers.get("content-type", "").strip().lower()
    if kind.startswith(_BATCHED):
        return _batch(delivery, settings)
    if kind.startswith(_STRUCTURED):
        return _event(read_object(delivery.body, exact=True), delivery, settings)
    attributes = {name: _header(name, delivery) for name in ("specversion", *_ATTRIBUTES)}
    told = {name: value for name, value in attributes.items() if value is not None}
    return _made(told, lambda: _content(delivery, delivery.body, kind), delivery, settings)


def _batch(delivery: Delivery, settings: Settings) -> Parsed:
    rows = read_json(delivery.body, exact=True)
    if not isinstance(rows, list) or len(rows) > _MOST_EVENTS:
        raise Unreadable(f"a batch must be a list of at most {_MOST_EVENTS} events")
    if not rows:
        return ignored("empty", "the batch is empty")
    return together(*(_one_of_many(row, delivery, settings) for row in rows))


def _one_of_many(row: Any, delivery: Delivery, settings: Settings) -> Parsed:
    """What cannot be read takes nothing from the others."""
    try:
        return _event(row, delivery, settings)
    except Unreadable as error:
        return rejected("unknown", str(error))


def _event(row: Any, delivery: Delivery, settings: Settings) -> Parsed:
    """An event in the JSON format."""
    if not isinstance(row, dict):
        return rejected("unknown", "no CloudEvent 1.0: it is no object")
    return _made(row, lambda: _data(row, delivery), delivery, settings)


def _made(
    told: Mapping[str, Any], content: Callable[[], Submission], delivery: Delivery, settings: Settings
) -> Parsed:
    given = {name: told[name] for name in _ATTRIBUTES if told.get(name) is not None}
    try:
        event = Envelope.model_validate({**given, "specversion": told.get("specversion"), "data": {}})
    except ValidationError as error:
        return rejected("unknown", f"no CloudEvent 1.0: {wrong(error)}")
    if len(event.source) + len(event.id) > _LONGEST_ID:
        return rejected("unknown", f"source and id together are longer than {_LONGEST_ID}")
    if not _wanted(event.type, settings.texts("types")):
        return ignored("other_type", "this type of event is not listed in `types`")
    submission = content()
    if submission.empty:
        return ignored("empty", "the event has no data")
    outer = {"ce.type": event.type, "ce.source": event.source, "ce.subject": event.subject or ""}
    submission.fields.update({name: [value] for name, value in outer.items()})
    touch = mapped_touch(
        submission,
        delivery,
        settings,
        medium=cast(Medium, settings.text("medium") or "unknown"),
        external_id=f"{event.source} {event.id}",
        occurred_at=event.time,
    )
    return accepted("event", touch)


def _data(row: dict[str, Any], delivery: Delivery) -> Submission:
    """The data of an event in JSON: a document, a text, or bytes in base64."""
    raw, data = row.get("data_base64"), row.get("data")
    if isinstance(raw, str):
        try:
            body = base64.b64decode(raw, validate=True)
        except (binascii.Error, ValueError):
            raise Unreadable("data_base64 is no base64") from None
        return _content(delivery, body, str(row.get("datacontenttype") or "application/json"))
    if data is None:
        return Submission()
    return Submission(fields=flatten(data if isinstance(data, dict) else {"data": data}))


def _content(delivery: Delivery, body: bytes, kind: str) -> Submission:
    """Bytes of a content type: a document or a form by its fields, a text whole, else a file."""
    if not body.strip():
        return Submission()
    plain = kind.partition(";")[0].strip()
    if plain.startswith("text/"):
        charset = re.search(r"charset=\"?([^\s;\"]+)", kind)
        return Submission(fields={"data": [decode(body, charset[1] if charset else None)]})
    form = read_submission(replace(delivery, body=body, headers={"content-type": kind}))
    if form is not None:
        return form
    return Submission(files=[carried("data", plain or "unknown", body)])


def _header(name: str, delivery: Delivery) -> str | None:
    """An attribute out of its header: quotes are undone first, then one round of percent-encoding."""
    value = delivery.headers.get(f"ce-{name}")
    if value is None:
        return None
    quoted = _QUOTED.fullmatch(value.strip())
    text = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else value.strip()
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeError:
        raise Unreadable(f"the header ce-{name} is not UTF-8") from None


def _wanted(kind: str, types: tuple[str, ...]) -> bool:
    return not types or any(kind.startswith(one[:-1]) if one[-1:] == "*" else kind == one for one in types)
