"""Definitions, contacts and times that tests use."""

import uuid
from datetime import UTC, datetime
from typing import Any

from contracts.interactions import Identity
from contracts.leads import ContactChanged
from services.notifications.definitions import compile
from services.notifications.domain.rules import Rules

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PART: dict[str, Any] = {
    "senders": {"default": {"from": "Riverside School <hello@school.example>"}},
    "templates": {
        "now": {
            "subject": "Thank you, {{ contact.first_name | default: 'friend' }}",
            "text": "We call you. No more letters: {{ unsubscribe_url }}",
            "html": "<p>Hello {{ contact.name }}</p>",
        },
        "later": {"subject": "See you", "text": "Come and visit us."},
    },
    "sequences": {
        "welcome": {
            "title": "Welcome",
            "stop_on": ["replied"],
            "zone": "Europe/Berlin",
            "steps": [
                {"name": "thanks", "template": "now"},
                {"name": "tomorrow", "after": "1d", "at": "10:00", "template": "later"},
            ],
        },
        "single": {"title": "One letter", "steps": [{"name": "only", "template": "now"}]},
        "repeated": {
            "title": "One letter that may come twice",
            "steps": [{"name": "only", "template": "now", "unknown": "repeat"}],
        },
        "news": {
            "title": "News",
            "purpose": "news",
            "steps": [{"name": "only", "template": "now"}],
        },
    },
}


def rules(**changed: Any) -> Rules:
    """The rules of these definitions."""
    return compile({**PART, **changed})


def contact(number: int, *, version: int = 1, email: str | None = "", **more: Any) -> ContactChanged:
    """The contact of this number, with an address unless `email` is None."""
    address = f"person{number}@client.example" if email == "" else email
    given: dict[str, Any] = {"name": f"Ann {number}", "zone": None, **more}
    return ContactChanged(
        contact_id=contact_id(number),
        version=version,
        identities=[Identity(kind="email", value=address)] if address else [],
        **given,
    )


def contact_id(number: int) -> uuid.UUID:
    return uuid.UUID(int=number)


def deal_id(number: int) -> uuid.UUID:
    return uuid.UUID(int=1000 + number)
