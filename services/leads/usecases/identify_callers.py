"""Say who is calling while it rings: the contact, what they asked for, how it stands, whose they are.

It only reads. The call's own interaction comes once it is answered or over.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from contracts.calls import (
    CallerDeal,
    CallerLead,
    CallerRequest,
    CallerTouch,
    CallIdentified,
    CallRinging,
)
from services.leads.domain.contact import shortened
from services.leads.domain.rules import Rules
from services.leads.store import callers, touches

if TYPE_CHECKING:
    from uuid import UUID

    from asyncpg import Record

    from services.runtime.database import Connection
    from services.runtime.received import Received
    from services.runtime.work import Work

# A person looks at it for some seconds; and it must fit the bus.
MOST_SHOWN = 10
MOST_FIELDS = 30
LONGEST_TEXT = 500


async def identify_callers(facts: "list[Received[CallRinging]]", work: "Work", rules: Rules) -> None:
    """Tell of every incoming call who it is; a stranger is told as unknown."""
    for fact in facts:
        if fact.data.direction == "in":
            await _identify(fact, work, rules)


async def _identify(fact: "Received[CallRinging]", work: "Work", rules: Rules) -> None:
    ringing = fact.data
    found = await _contact(ringing, work.connection, rules)
    about = await _about(found["id"], work.connection) if found else {}
    told = CallIdentified(
        **ringing.model_dump(include=_TAKEN),
        outside=ringing.outside,
        known=found is not None,
        contact_id=found["id"] if found else None,
        name=(found["name"] if found else None) or ringing.outside.name,
        **about,
    )
    work.emit(told, cause=fact.cause)
    names = (ringing.call_id, ringing.external_id, ringing.delivery_id, told.contact_id)
    did = "said who is calling: a contact" if found else "said who is calling: nobody that is known"
    work.note(did, names=names, cause=fact.cause)


_TAKEN = {"call_id", "channel", "kind", "external_id", "line", "agent", "occurred_at", "received_at"}


async def _contact(ringing: CallRinging, connection: "Connection", rules: Rules) -> "Record | None":
    """Whose these identities are, as it is decided for interactions."""
    given = ((identity.kind, identity.value) for identity in ringing.outside.identities)
    reading = rules.recognition.read(given)
    keys = reading.strong or reading.weak
    return await callers.contact_of(connection, keys) if keys else None


async def _about(contact_id: "UUID", connection: "Connection") -> dict[str, Any]:
    leads = await callers.going_on(connection, contact_id, MOST_SHOWN, LONGEST_TEXT)
    deals = await callers.open_deals(connection, contact_id, MOST_SHOWN)
    last = await touches.timeline(connection, contact_id, before=None, limit=1)
    return {
        "owner": next((row["owner"] for row in (*deals, *leads) if row["owner"]), None),
        "asked": _asked(leads[0]) if leads else None,
        "leads": [CallerLead(**_only(row, CallerLead.model_fields)) for row in leads],
        "deals": [CallerDeal(**row) for row in deals],
        "last_touch": _touch(last[0]) if last else None,
    }


def _only(row: "Record", names: Iterable[str]) -> dict[str, Any]:
    return {name: row[name] for name in names}


def _asked(lead: "Record") -> CallerRequest:
    fields = list(lead["fields"].items())[:MOST_FIELDS]
    return CallerRequest(
        lead_id=lead["lead_id"],
        title=lead["title"],
        text=lead["text"] or "",
        fields={name: shortened(value, LONGEST_TEXT) for name, value in fields},
    )


def _touch(row: "Record") -> CallerTouch:
    return CallerTouch(
        at=row["at"],
        direction=row["direction"],
        channel=row["channel"],
        medium=row["medium"],
        title=row["title"],
        text=row["text"][:LONGEST_TEXT],
    )
