"""Leads of Meta's instant forms. Source: developers.facebook.com, Marketing API, Retrieving Leads.

The webhook tells that there is a lead and where it came from; its answers stay at Meta.
"""

from collections.abc import Iterator
from typing import Any

from services.connectors.domain import Delivery, Parsed, Settings, Touch, accepted, ignored, together
from services.connectors.errors import Unreadable
from services.connectors.reading.documents import read_object
from services.connectors.reading.inside import rows_at, text_at, value_at
from services.connectors.reading.moments import seconds

_ABOUT = ("leadgen_id", "form_id", "page_id", "ad_id", "adgroup_id")
_GRAPH = "https://graph.facebook.com/"


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """Each lead of a call is a touch without a person. Raises Unreadable for what is no webhook of Meta."""
    document = read_object(delivery.body, exact=True)
    if text_at(document, "object") != "page":
        return ignored("other_object", "it is of no page: subscribe the app to the object page only")
    entries = rows_at(document, "entry")
    if not entries:
        raise Unreadable("the body has no entry")
    return together(*(part for entry in entries for part in _parts(entry, delivery, settings)))


def _parts(entry: dict[str, Any], delivery: Delivery, settings: Settings) -> Iterator[Parsed]:
    for change in rows_at(entry, "changes"):
        field = text_at(change, "field")
        if field == "leadgen":
            yield _lead(value_at(change, "value"), text_at(entry, "id"), delivery, settings)
        else:
            yield ignored(field[:60] or "unknown", "it is no lead: subscribe the app to leadgen only")


def _lead(value: Any, entry: str, delivery: Delivery, settings: Settings) -> Parsed:
    known, page = text_at(value, "leadgen_id"), text_at(value, "page_id") or entry
    if not known:
        raise Unreadable("a lead has no leadgen_id")
    if set(known) == {"4"}:
        return ignored("test", "it is the sample of the app's dashboard")
    pages = settings.texts("pages")
    if pages and page not in pages:
        return ignored("other_page", "its page is not among this channel's")
    told = {name: text_at(value, name) for name in _ABOUT}
    # Organic leads have no ad, which is told as 0.
    fields = {name: text for name, text in told.items() if text.strip("0")}
    touch = Touch(
        medium="form",
        conversation=f"{delivery.kind}:{delivery.channel}:{known}",
        external_id=known,
        occurred_at=seconds(text_at(value, "created_time")),
        title=settings.title or None,
        fields={**fields, "page_id": page, "answers_at": f"{_GRAPH}{known}"},
    )
    return accepted("leadgen", touch)
