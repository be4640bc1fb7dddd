"""Leads of Google Ads lead forms. Source: developers.google.com/google-ads/webhook/docs/implementation."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from services.connectors.domain import Delivery, Parsed, Settings, accepted, ignored
from services.connectors.errors import Unreadable
from services.connectors.reading.documents import dotted, read_object
from services.connectors.reading.fieldmap import asked, mapped_touch
from services.connectors.reading.forms import Submission
from services.connectors.reading.inside import rows_at, text_at
from services.connectors.reading.moments import iso

# What Google's own columns say; a channel's mapping has precedence.
_COLUMNS = {
    "PHONE_NUMBER": "phone",
    "WORK_PHONE": "phone",
    "EMAIL": "email",
    "WORK_EMAIL": "email",
    "FULL_NAME": "full",
    "FIRST_NAME": "first",
    "LAST_NAME": "last",
}
_ABOUT = (
    "form_id", "campaign_id", "adgroup_id", "creative_id", "asset_group_id", "gcl_id", "lead_stage",
)  # fmt: skip


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """One lead, one touch. Raises Unreadable for what is no lead."""
    document = read_object(delivery.body, exact=True)
    if "user_column_data" not in document and "lead_id" not in document:
        raise Unreadable("the body has neither lead_id nor user_column_data")
    if document.get("is_test") in (True, "true"):
        return ignored("test", "it was sent from the form's settings to try the webhook")
    submission, usual = _read(document, asked(settings))
    if submission.empty:
        return ignored("empty", "no column has a value")
    touch = mapped_touch(
        submission,
        delivery,
        settings,
        medium="form",
        usual=usual,
        external_id=text_at(document, "lead_id") or None,
        occurred_at=iso(text_at(document, "lead_submit_time")),
    )
    about = {name: text_at(document, name) for name in _ABOUT}
    return accepted("lead", replace(touch, fields={**touch.fields, **about}))


def _read(
    document: dict[str, Any], asked: frozenset[str]
) -> tuple[Submission, Mapping[str, tuple[str, ...]]]:
    """The columns by name, and which of them say who it was."""
    submission = Submission()
    usual: dict[str, tuple[str, ...]] = {}
    for column in rows_at(document, "user_column_data"):
        known, shown = text_at(column, "column_id"), text_at(column, "column_name")
        names = [name for name in (dotted(known), dotted(shown)) if name]
        name = next((name for name in names if name in asked), names[-1] if names else "column")
        submission.fields.setdefault(name, []).append(text_at(column, "string_value"))
        # Old forms have no id; the name of Google's own columns then is the id or its words.
        wanted = _COLUMNS.get(known or shown.strip().upper().replace(" ", "_"))
        if wanted:
            usual[wanted] = (*usual.get(wanted, ()), name)
    in_parts = (*usual.pop("first", ()), *usual.pop("last", ()))
    usual["name"] = usual.pop("full", ()) or in_parts
    return submission, {name: sources for name, sources in usual.items() if sources}
