"""What comes in from the bus, handed to the use cases."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from contracts.calls import CallRinging
from contracts.deals import DealMoved, DealOpened
from contracts.interactions import InteractionReceived
from contracts.notifications import MessageNotSent, MessageSent
from services.leads.domain.rules import Rules
from services.leads.usecases.find_names import find_names
from services.leads.usecases.identify_callers import identify_callers
from services.leads.usecases.log_interactions import log_interactions
from services.leads.usecases.log_messages import log_messages
from services.leads.usecases.note_deals import note_deals, note_new_deals
from services.runtime.definitions import Definitions
from services.runtime.facts import Facts

if TYPE_CHECKING:
    from services.runtime.database import Connection
    from services.runtime.received import Received
    from services.runtime.work import Work


def fact_readers(definitions: Definitions[Rules]) -> list[Facts]:
    """One reader for what people sent us and who calls, one for what they were sent, one for their deals."""
    incoming, outgoing, working = Facts("CRM_CONNECTORS"), Facts("CRM_NOTIFICATIONS"), Facts("CRM_DEALS")

    @incoming.on_many(InteractionReceived)
    async def on_interactions(facts: "list[Received[InteractionReceived]]", work: "Work") -> None:
        await log_interactions(facts, work, definitions.current)

    @incoming.on_many(CallRinging)
    async def on_calls_ringing(facts: "list[Received[CallRinging]]", work: "Work") -> None:
        await identify_callers(facts, work, definitions.current)

    async def on_messages(facts: "list[Received[Any]]", work: "Work") -> None:
        await log_messages([fact.data for fact in facts], work)

    for contract in (MessageSent, MessageNotSent):
        outgoing.on_many(contract)(on_messages)

    @working.on_many(DealOpened)
    async def on_deals_opened(facts: "list[Received[DealOpened]]", work: "Work") -> None:
        await note_new_deals([fact.data for fact in facts], work)

    @working.on_many(DealMoved)
    async def on_deals_moved(facts: "list[Received[DealMoved]]", work: "Work") -> None:
        await note_deals([fact.data for fact in facts], work)

    return [incoming, outgoing, working]


def other_names(
    definitions: Definitions[Rules],
) -> Callable[["Connection", str], Awaitable[set[str]]]:
    """Answers which ids a phone, an address, a lead or an interaction goes by."""

    async def resolve(connection: "Connection", name: str) -> set[str]:
        return await find_names(connection, name, definitions.current.recognition.region)

    return resolve
