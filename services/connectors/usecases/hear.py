"""Remember when persons last wrote, where a vendor lets us write only for some hours after that."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from contracts.interactions import InteractionReceived
from services.connectors.catalog.kinds import catalogue
from services.connectors.store import heard
from services.connectors.usecases.outcome import Outcome

if TYPE_CHECKING:
    from services.runtime.database import Connection


async def hear(connection: "Connection", outcomes: Sequence[Outcome]) -> None:
    """Note the addresses in these outcomes: chats as their conversations name them, and their senders."""
    last: dict[tuple[str, str], datetime] = {}
    for outcome in outcomes:
        if not (outcome.found and _asks(outcome.delivery.kind)):
            continue
        for fact in (found.fact for found in outcome.found):
            for address in _addresses(fact):
                known = fact.channel, address
                last[known] = max(last.get(known, fact.occurred_at), fact.occurred_at)
    if last:
        await heard.note(connection, last)


def _asks(kind: str) -> bool:
    found = catalogue().get(kind)
    sending = found.manifest.sending if found else None
    return bool(sending and sending.window_hours)


def _addresses(fact: InteractionReceived) -> Iterator[str]:
    chat = fact.conversation.removeprefix(f"{fact.kind}:{fact.channel}:")
    yield from dict.fromkeys(one for one in (chat, *(who.value for who in fact.sender.identities)) if one)
