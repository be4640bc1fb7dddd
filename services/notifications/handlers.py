"""What comes in from the bus, from timers and from the courier, handed to the use cases."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from contracts.leads import ContactChanged, ContactMerged, ContactTouched
from contracts.notifications import EnrolContact
from services.notifications.domain.rules import Rules
from services.notifications.errors import UnknownSequence
from services.notifications.store import listing
from services.notifications.usecases.enrol import enrol
from services.notifications.usecases.follow_contacts import merge, note_changes, note_touches
from services.notifications.usecases.take_step import take_step
from services.runtime.commands import Commands
from services.runtime.definitions import Definitions
from services.runtime.errors import Retryable
from services.runtime.facts import Facts

if TYPE_CHECKING:
    from services.runtime.database import Connection
    from services.runtime.received import Received
    from services.runtime.timers import Timer
    from services.runtime.work import Work

# A sequence may be applied and wished for before this process has heard of the new definitions.
_DEFINITIONS_ARRIVE_WITHIN = timedelta(seconds=30)
_SOON = timedelta(milliseconds=250)
Wake = Callable[[], None]


def fact_readers() -> list[Facts]:
    """One reader: what leads tells of contacts."""
    facts = Facts("CRM_LEADS")

    @facts.on_many(ContactChanged)
    async def on_contacts_changed(changes: "list[Received[ContactChanged]]", work: "Work") -> None:
        await note_changes(work, [change.data for change in changes])

    @facts.on(ContactMerged)
    async def on_contact_merged(merged: "Received[ContactMerged]", work: "Work") -> None:
        await merge(work, merged.data)

    @facts.on_many(ContactTouched)
    async def on_contacts_touched(touches: "list[Received[ContactTouched]]", work: "Work") -> None:
        await note_touches(work, touches)

    return [facts]


def commands(definitions: Definitions[Rules], wake: Wake, domain: str | None) -> Commands:
    """The commands this service takes."""
    taken = Commands()

    @taken.on(EnrolContact)
    async def on_enrol(command: "Received[EnrolContact]", work: "Work") -> None:
        rules, version = definitions.current, definitions.version
        if command.data.sequence not in rules.sequences:
            fresh = work.now - command.received_at < _DEFINITIONS_ARRIVE_WITHIN
            if fresh or not definitions.loaded.is_set():
                raise Retryable("the sequence is not known here yet", after=_SOON)
            raise UnknownSequence(command.data.sequence)
        await enrol(work, command.data, rules, version, domain=domain)
        wake()

    return taken


def on_step_due(
    definitions: Definitions[Rules], wake: Wake, domain: str | None
) -> Callable[["Timer", "Work"], Awaitable[None]]:
    """The handler of the timers that steps are armed with."""

    async def handle(timer: "Timer", work: "Work") -> None:
        if await take_step(work, timer, definitions.of, domain=domain):
            wake()

    return handle


async def other_names(connection: "Connection", name: str) -> set[str]:
    """Under which names a message or an enrolment is known to the journal."""
    return await listing.other_names(connection, name)
