"""Responses to a typeform. Source: typeform.com/developers/webhooks, example payload."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from contracts.interactions import Attachment
from services.connectors.domain import Delivery, Parsed, Settings, accepted, ignored
from services.connectors.errors import Unreadable
from services.connectors.reading.documents import dotted, flatten, read_object
from services.connectors.reading.fieldmap import asked, mapped_touch
from services.connectors.reading.forms import Submission
from services.connectors.reading.inside import rows_at, text_at, value_at
from services.connectors.reading.moments import iso

# What answers are by their type, and questions by their wording; a channel's mapping has precedence.
_BY_TYPE = {"phone_number": "phone", "email": "email"}
_NAMES = ("first name", "last name", "name", "full name", "your name", "имя", "фамилия", "как вас зовут")
_USUAL = {"phone": ("phone",), "email": ("email",), "text": ("message", "text")}
# A choice, several, and what somebody wrote instead.
_CHOSEN = ("label", "labels", "other")


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """One response, one touch. Raises Unreadable for what is no delivery of Typeform."""
    document = read_object(delivery.body, exact=True)
    event, response = text_at(document, "event_type"), value_at(document, "form_response")
    if event != "form_response":
        return ignored(event[:60] or "unknown", "the form is not filled in to its end, or it is no response")
    if not isinstance(response, dict):
        raise Unreadable("the body has no form_response")
    submission, usual = _read(response, asked(settings))
    if submission.empty:
        return ignored("empty", "nothing was filled in")
    touch = mapped_touch(
        submission,
        delivery,
        settings,
        medium="form",
        usual=usual,
        external_id=text_at(response, "token") or None,
        occurred_at=iso(text_at(response, "submitted_at")),
    )
    about = {"form": text_at(response, "definition", "title"), "form_id": text_at(response, "form_id")}
    return accepted(event, replace(touch, fields={**about, **touch.fields}))


def _read(
    response: dict[str, Any], asked: frozenset[str]
) -> tuple[Submission, Mapping[str, tuple[str, ...]]]:
    """The answers by the name of their question, and which of them say who it was."""
    submission = Submission()
    usual: dict[str, tuple[str, ...]] = {**_USUAL, "name": ()}
    # Hidden fields first: what was asked is surer.
    hidden = value_at(response, "hidden")
    submission.fields = flatten(hidden) if isinstance(hidden, dict) else {}
    titles = {
        text_at(field, name): text_at(field, "title")
        for field in rows_at(response, "definition", "fields")
        for name in ("id", "ref")
    }
    for answer in rows_at(response, "answers"):
        name, title = _named(answer, titles, asked)
        kind = text_at(answer, "type")
        if kind == "file_url" and (link := text_at(answer, kind)):
            file = link.partition("?")[0].rpartition("/")[2]
            submission.files.append(Attachment(name=file or "file", reference=link))
            continue
        value = value_at(answer, kind)
        if isinstance(value, dict) and not value.keys() & set(_CHOSEN):  # such as a payment
            submission.fields |= flatten({name: value})
            continue
        submission.fields.setdefault(name, []).extend(_values(value))
        wanted = _BY_TYPE.get(kind) or ("name" if title.strip(" ?.:*").lower() in _NAMES else "")
        if wanted and name not in usual[wanted]:
            usual[wanted] = (*usual[wanted], name)
    for row in rows_at(response, "variables"):
        submission.fields.setdefault(f"variables.{dotted(text_at(row, 'key'))}", []).append(
            text_at(row, text_at(row, "type"))
        )
    # A name that the form asked for is better than one that it was given.
    return submission, {**usual, "name": usual["name"] or ("name",)}


def _named(answer: dict[str, Any], titles: dict[str, str], asked: frozenset[str]) -> tuple[str, str]:
    """What a question goes by: what the mapping calls it, else its title, else its reference."""
    known, reference = text_at(answer, "field", "id"), text_at(answer, "field", "ref")
    title = titles.get(known) or titles.get(reference) or ""
    names = [name for name in map(dotted, (reference, known, title)) if name]
    called = next((name for name in names if name in asked), "")
    return called or dotted(title) or dotted(reference) or dotted(known) or "answer", title


def _values(value: Any) -> list[str]:
    """An answer as text: a choice by its label, several as several, yes and no as true and false."""
    if isinstance(value, dict):
        return [text for part in _CHOSEN for text in _values(value.get(part))]
    if isinstance(value, list):
        return [text for one in value[:100] if not isinstance(one, list) for text in _values(one)]
    if isinstance(value, bool):
        return ["true" if value else "false"]
    return [value] if isinstance(value, str) else []
