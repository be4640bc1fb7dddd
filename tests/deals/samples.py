"""A funnel to play with, and deals, leads and facts for it."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from contracts.leads import (
    ContactChanged,
    ContactMerged,
    ContactTouched,
    ContactUnmerged,
    LeadCaptured,
    LeadMerged,
    LeadReopened,
)
from services.deals.definitions import compile
from services.deals.domain.deal import Contact, Deal, Lead, new_deal
from services.deals.domain.rules import Rules

NOW = datetime(2025, 3, 3, 9, 0, tzinfo=UTC)
_NAMES = UUID(int=20)

REACH: dict[str, Any] = {
    "funnels": {
        "reach": {
            "title": "Reach",
            "currency": "EUR",
            "zone": "Europe/Berlin",
            "stages": [
                {
                    "name": "new",
                    "on_enter": [
                        {"create_task": {"title": "Call back", "due_in": "4h"}},
                        {"enrol": {"sequence": "welcome"}},
                    ],
                    "after": [
                        {
                            "delay": "2d",
                            "at": "10:00",
                            "actions": [
                                {"create_task": {"title": "Nobody has answered", "assignee": "boris"}}
                            ],
                        },
                        {"delay": "1w", "late_after": "2d", "actions": [{"move": {"to": "lost"}}]},
                    ],
                    "on_event": [
                        {
                            "event": "replied",
                            "when": 'event.medium == "email"',
                            "actions": [{"move": {"to": "talking"}}],
                        },
                        {"event": "message_sent", "actions": [{"move": {"to": "contacted"}}]},
                    ],
                },
                {
                    "name": "contacted",
                    "on_event": [{"event": "replied", "actions": [{"move": {"to": "talking"}}]}],
                },
                {
                    "name": "talking",
                    "on_enter": [{"create_task": {"title": "Agree on a trial lesson"}}],
                    "on_leave": [{"enrol": {"sequence": "thanks"}}],
                },
                {"name": "trial"},
                {"name": "won", "kind": "won"},
                {"name": "lost", "kind": "lost"},
            ],
        },
        "partners": {"stages": [{"name": "new"}]},
    },
    "routing": {
        "rules": [{"when": 'lead.channel == "partner"', "funnel": "partners"}],
        "default": "reach",
    },
}


def rules(part: dict[str, Any] | None = None) -> Rules:
    return compile(REACH if part is None else part)


def one_funnel(*stages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"funnels": {"only": {"stages": list(stages), **more}}}


def name(text: str) -> UUID:
    return uuid5(_NAMES, text)


def a_lead(**more: Any) -> Lead:
    values: dict[str, Any] = {
        "id": name("lead"),
        "contact_id": name("contact"),
        "channel": "main-site",
        "medium": "form",
        "title": "English for two",
        "score": 10,
        "owner": "anna",
        "fields": {},
        "captured_at": NOW,
    }
    return Lead(**{**values, **more})


def a_deal(stage: str = "new", funnel: str = "reach", **lead: Any) -> Deal:
    return new_deal(name("deal"), a_lead(**lead), name("contact"), funnel, stage, "EUR", "c", NOW)


def a_contact(**more: Any) -> Contact:
    return Contact(name("contact"), **more)


def captured(lead: str = "lead", contact: str = "contact", **more: Any) -> LeadCaptured:
    values: dict[str, Any] = {
        "contact_id": name(contact),
        "lead_id": name(lead),
        "interaction_id": name(f"interaction of {lead}"),
        "channel": "main-site",
        "medium": "form",
        "title": "English for two",
        "score": 10,
        "owner": "anna",
        "captured_at": NOW,
    }
    return LeadCaptured(**{**values, **more})


def touched(contact: str = "contact", *, first: bool = False, **more: Any) -> ContactTouched:
    values: dict[str, Any] = {
        "contact_id": name(contact),
        "interaction_id": name("touch"),
        "channel": "mail",
        "medium": "email",
        "first": first,
        "occurred_at": NOW,
    }
    return ContactTouched(**{**values, **more})


def changed(contact: str = "contact", version: int = 1, **more: Any) -> ContactChanged:
    return ContactChanged(contact_id=name(contact), version=version, identities=[], **more)


def merged(survivor: str, absorbed: str) -> ContactMerged:
    return ContactMerged(contact_id=name(survivor), absorbed_id=name(absorbed), reason="email")


def lead_merged(ended: str, into: str, contact: str = "contact") -> LeadMerged:
    return LeadMerged(contact_id=name(contact), lead_id=name(ended), into_lead_id=name(into))


def unmerged(survivor: str, absorbed: str, *leads: str) -> ContactUnmerged:
    back = [name(lead) for lead in leads]
    return ContactUnmerged(contact_id=name(survivor), absorbed_id=name(absorbed), leads=back)


def lead_reopened(lead: str, out_of: str, contact: str = "contact") -> LeadReopened:
    return LeadReopened(contact_id=name(contact), lead_id=name(lead), from_lead_id=name(out_of))
