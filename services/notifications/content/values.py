"""What a template sees of a contact, a sequence and a sender."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Person:
    """A contact as far as letters need it."""

    name: str | None
    language: str | None
    email: str | None
    fields: Mapping[str, Any]


def values(
    person: Person,
    *,
    sequence_name: str,
    sequence_title: str,
    sender_name: str,
    sender_email: str,
    unsubscribe_url: str,
) -> dict[str, Any]:
    """The variables of a template; `liquid.KNOWN` says what they mean."""
    words = (person.name or "").split()
    return {
        "contact": {
            "name": person.name,
            "first_name": words[0] if words else None,
            "email": person.email,
            "language": person.language,
            "fields": dict(person.fields),
        },
        "sequence": {"name": sequence_name, "title": sequence_title},
        "sender": {"name": sender_name, "email": sender_email},
        "unsubscribe_url": unsubscribe_url,
    }
