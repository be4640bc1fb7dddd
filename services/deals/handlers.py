"""What comes in from the bus and from timers, handed to the use cases."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from contracts.leads import (
    ContactChanged,
    ContactMerged,
    ContactTouched,
    ContactUnmerged,
    LeadCaptured,
    LeadMerged,
    LeadReopened,
)
from contracts.notifications import MessageNotSent, MessageSent, SequenceEnded
from services.deals.definitions.building import actions_of
from services.deals.domain.rules import Rules
from services.deals.store import listing
from services.deals.usecases.delayed import follow_delayed_rule
from services.deals.usecases.follow import follow
from services.runtime.definitions import Definitions
from services.runtime.facts import Facts

if TYPE_CHECKING:
    from services.runtime.database import Connection
    from services.runtime.host import Host
    from services.runtime.received import Received
    from services.runtime.timers import Timer
    from services.runtime.work import Work

_OF_LEADS = (
    ContactChanged,
    ContactMerged,
    ContactTouched,
    ContactUnmerged,
    LeadCaptured,
    LeadMerged,
    LeadReopened,
)
_OF_NOTIFICATIONS = (MessageNotSent, MessageSent, SequenceEnded)
_PATIENCE_SECONDS = 5.0


def fact_readers(definitions: Definitions[Rules]) -> list[Facts]:
    """One reader for what happens to leads and contacts, one for what they were sent."""

    async def on_facts(facts: "list[Received[Any]]", work: "Work") -> None:
        await follow(facts, work, await _active(definitions))

    readers = []
    for stream, contracts in (("CRM_LEADS", _OF_LEADS), ("CRM_NOTIFICATIONS", _OF_NOTIFICATIONS)):
        facts = Facts(stream)
        for contract in contracts:
            facts.on_many(contract)(on_facts)
        readers.append(facts)
    return readers


def on_stage_rule_due(
    definitions: Definitions[Rules],
) -> Callable[["Timer", "Work"], Awaitable[None]]:
    """The handler of timers that `after` rules of stages have set."""

    async def handle(timer: "Timer", work: "Work") -> None:
        await follow_delayed_rule(
            work,
            await _active(definitions),
            UUID(timer.payload["deal"]),
            entry=timer.generation,
            rule=timer.payload["rule"],
            actions=actions_of(timer.payload["actions"]),
            missed=timer.missed,
        )

    return handle


async def _active(definitions: Definitions[Rules]) -> Rules:
    """The active rules. Until they were read for the first time nothing is decided by any others:

    TimeoutError lets the runtime try again.
    """
    async with asyncio.timeout(_PATIENCE_SECONDS):
        await definitions.loaded.wait()
    return definitions.current


async def deals_in_flight(_payload: dict[str, Any], host: "Host") -> dict[str, Any]:
    """Open deals by funnel and stage: `{"funnels": {"reach": {"new": 12}}}`."""
    async with host.database.pool.acquire() as connection:
        return {"funnels": await listing.in_flight(connection)}


async def other_names(connection: "Connection", name: str) -> set[str]:
    """The deal and lead ids that a deal, lead or task id stands for."""
    try:
        asked = UUID(name)
    except ValueError:
        return set()
    return await listing.other_names(connection, asked)
