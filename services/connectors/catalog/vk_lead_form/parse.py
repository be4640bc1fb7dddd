"""Leads of VK lead forms, by Callback API. Source: dev.vk.com, Callback API; event lead_forms_new."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from contracts.interactions import Identity
from services.connectors.domain import Delivery, Parsed, Settings, accepted, ignored
from services.connectors.errors import Unreadable
from services.connectors.reading.documents import dotted, read_object
from services.connectors.reading.fieldmap import asked, mapped_touch
from services.connectors.reading.forms import Submission
from services.connectors.reading.inside import rows_at, text_at, value_at

_LEAD = "lead_forms_new"
# What the keys of VK's own questions say; a channel's mapping has precedence.
_KEYS = {
    "phone_number": "phone",
    "phone": "phone",
    "email": "email",
    "full_name": "full",
    "first_name": "first",
    "last_name": "last",
}


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """One lead, one touch. Raises Unreadable for what is no event of VK."""
    document = read_object(delivery.body, exact=True)
    event, lead = text_at(document, "type"), value_at(document, "object")
    if not event:
        raise Unreadable("the body has no type")
    if event != _LEAD:
        return ignored(event[:60], "it is no lead: switch its event off in Callback API")
    if text_at(document, "group_id") != settings.text("group"):
        return ignored("other_group", "it is of another community than this channel's")
    known = text_at(lead, "lead_id")
    if not known:
        raise Unreadable("the lead has no lead_id")
    submission, usual = _read(lead, asked(settings))
    user = text_at(lead, "user_id")
    if submission.empty and not _person(user):
        return ignored("empty", "nobody answered anything")
    form = text_at(lead, "form_id")
    touch = mapped_touch(
        submission,
        delivery,
        settings,
        medium="form",
        usual=usual,
        # Whether lead_id is unique over all forms is not told.
        external_id=f"{form}:{known}",
    )
    about = {"form": text_at(lead, "form_name"), "form_id": form, "lead_id": known}
    touch = replace(touch, fields={**touch.fields, **about}, identities=[*touch.identities, *_person(user)])
    if touch.identities == _person(user):
        touch = replace(touch, conversation=f"{delivery.kind}:{delivery.channel}:vk:{user}")
    return accepted(event, touch)


def _person(user: str) -> list[Identity]:
    """Who it was in VK; a number below zero is a community."""
    return [Identity(kind="vk", value=user[:320])] if user.isdecimal() and user.strip("0") else []


def _read(lead: Any, asked: frozenset[str]) -> tuple[Submission, Mapping[str, tuple[str, ...]]]:
    """The answers by name, and which of them say who it was."""
    submission = Submission()
    usual: dict[str, tuple[str, ...]] = {}
    for row in rows_at(lead, "answers"):
        key, question, answer = text_at(row, "key"), text_at(row, "question"), value_at(row, "answer")
        # Questions of one's own have keys such as custom_0: their words say more.
        names = [name for name in (dotted(key), dotted(question)) if name]
        name = next((name for name in names if name in asked), names[-1] if names else "answer")
        given = answer if isinstance(answer, list) else [answer]
        submission.fields.setdefault(name, []).extend(one for one in given if isinstance(one, str))
        if wanted := _KEYS.get(key):
            usual[wanted] = (*usual.get(wanted, ()), name)
    in_parts = (*usual.pop("first", ()), *usual.pop("last", ()))
    usual["name"] = usual.pop("full", ()) or in_parts
    return submission, {name: sources for name, sources in usual.items() if sources}
