"""One row of a file: CSV with its heading, or a JSON object. Sources: RFC 4180; jsonlines.org."""

from typing import cast

from contracts.interactions import Medium
from services.connectors.domain import Delivery, Parsed, Settings, accepted, ignored
from services.connectors.errors import Unreadable
from services.connectors.reading.charsets import decode
from services.connectors.reading.documents import FieldList, flatten, read_object
from services.connectors.reading.fieldmap import mapped_touch
from services.connectors.reading.forms import Submission
from services.connectors.reading.rows import WIDE, delimiter_in, read_row


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """A row is a touch through the channel's mapping. Raises Unreadable, naming row and file."""
    try:
        fields = _fields(delivery, settings)
    except Unreadable as error:
        file, row = (delivery.headers.get(name, "")[:200] for name in ("file", "row"))
        place = f"row {row} of {file}: " if row else ""
        raise Unreadable(f"{place}{error}") from None
    submission = Submission(fields=fields)
    if submission.empty:
        return ignored("empty", "the row is empty")
    medium = cast(Medium, settings.text("medium") or "unknown")
    return accepted("row", mapped_touch(submission, delivery, settings, medium=medium))


def _fields(delivery: Delivery, settings: Settings) -> FieldList:
    if delivery.body.startswith(WIDE):
        raise Unreadable("the file is UTF-16: save it as UTF-8")
    if not delivery.headers.get("content-type", "").startswith("text/csv"):
        return flatten(read_object(delivery.body, exact=True))
    text = decode(delivery.body, settings.text("charset")).lstrip("\ufeff")
    named = delivery.headers.get("delimiter") or settings.text("delimiter")
    return read_row(text, settings.texts("columns"), delimiter_in(text.partition("\n")[0], named))
