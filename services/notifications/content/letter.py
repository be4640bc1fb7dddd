"""A template filled in for one contact: the one renderer behind previews and real letters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.notifications.content.liquid import SAMPLE, render
from services.notifications.content.mime import one_line
from services.notifications.domain.rules import Rules, Sequence, Template


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a person gets to read."""

    subject: str
    text: str
    html: str | None


@dataclass(frozen=True, slots=True)
class Person:
    """A contact as far as letters need it."""

    name: str | None
    language: str | None
    email: str | None
    fields: Mapping[str, Any]


def fill(template: Template, values: Mapping[str, Any]) -> Rendered:
    """Render subject and bodies. Raises liquid.TemplateFailed."""
    return Rendered(
        subject=one_line(render(template.subject, values)),
        text=render(template.text, values),
        html=None if template.html is None else render(template.html, values, html=True),
    )


def values_for(
    person: Person | None, rules: Rules, sequence: Sequence, unsubscribe_url: str
) -> dict[str, Any]:
    """The variables of a template; `liquid.KNOWN` says what they mean. Without a person a made-up one."""
    sender = rules.sender_of(sequence)
    return {
        "contact": _contact(person),
        "sequence": {"name": sequence.name, "title": sequence.title},
        "sender": {"name": sender.name, "email": sender.address},
        "unsubscribe_url": unsubscribe_url,
    }


def sample_values(person: Person | None) -> dict[str, Any]:
    """The same with a made-up sequence and sender, for a template that belongs to none yet."""
    return {**SAMPLE, "contact": _contact(person)}


def _contact(person: Person | None) -> dict[str, Any]:
    if person is None:
        return dict(SAMPLE["contact"])
    words = (person.name or "").split()
    return {
        "name": person.name,
        "first_name": words[0] if words else None,
        "email": person.email,
        "language": person.language,
        "fields": dict(person.fields),
    }
