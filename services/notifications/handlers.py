"""What comes in from the bus, from timers and from the courier, handed to the use cases."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from contracts.leads import ContactChanged, ContactMerged, ContactTouched, ContactUnmerged
from contracts.notifications import EnrolContact
from services.notifications.domain.rules import Rules
from services.notifications.errors import UnknownSequence
from services.notifications.store import listing
from services.notifications.usecases.enrol import enrol_all
from services.notifications.usecases.follow_contacts import follow_contacts
from services.notifications.usecases.take_step import take_step
from services.runtime.commands import Commands
from services.runtime.definitions import Definitions
from services.runtime.errors import Retryable
from services.runtime.facts import Facts

if TYPE_CHECKING:
    from services.runtime.database import Connection
    from services.runtime.host import Host
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

    async def on_contacts(news: "list[Received[Any]]", work: "Work") -> None:
        await follow_contacts(work, news)

    for contract in (ContactChanged, ContactMerged, ContactTouched, ContactUnmerged):
        facts.on_many(contract)(on_contacts)
    return [facts]


def commands(definitions: Definitions[Rules], wake: Wake, domain: str | None) -> Commands:
    """The commands this service takes."""
    taken = Commands()

    @taken.on_many(EnrolContact)
    async def on_enrol(wishes: "list[Received[EnrolContact]]", work: "Work") -> None:
        rules, version = definitions.current, definitions.version
        for wish in wishes:
            if wish.data.sequence not in rules.sequences:
                fresh = work.now - wish.received_at < _DEFINITIONS_ARRIVE_WITHIN
                if fresh or not definitions.loaded.is_set():
                    raise Retryable("the sequence is not known here yet", after=_SOON)
                raise UnknownSequence(wish.data.sequence)
        await enrol_all(work, wishes, rules, version, domain=domain)
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


async def enrolments_in_flight(_payload: dict[str, Any], host: "Host") -> dict[str, Any]:
    """Running enrolments by sequence and step: `{"sequences": {"welcome": {"step 2": 12}}}`."""
    async with host.database.pool.acquire() as connection:
        return {"sequences": await listing.in_flight(connection)}


async def other_names(connection: "Connection", name: str) -> set[str]:
    """Under which names a message or an enrolment is known to the journal."""
    return await listing.other_names(connection, name)
