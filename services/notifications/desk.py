"""The courier's desk on the real database: each of its questions and notes is one unit of work."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING
from uuid import UUID

from services.notifications.delivery.courier import Noting
from services.notifications.domain.legacy import Legacy
from services.notifications.domain.settlement import Attempt
from services.notifications.store import messages
from services.notifications.usecases.claim import Claimed, claim
from services.notifications.usecases.settle import inherit, settle, sweep, take_back

if TYPE_CHECKING:
    from services.runtime.host import Host


class DatabaseDesk:
    """Opens a transaction for everything the courier does. `owner` names this process and this start."""

    def __init__(self, host: "Host", owner: UUID, lease: timedelta, random: Random) -> None:
        self._host = host
        self._owner = owner
        self._lease = lease
        self._random = random

    async def due(self, most: int) -> int:
        """How many messages could go out now."""
        async with self._host.database.pool.acquire() as connection:
            return await messages.count_due(connection, self._host.clock.now(), most)

    async def claim(self, most: int, noting: Noting = lambda claimed: None) -> list[Claimed]:
        """Take messages through the gate; those returned are noted, then marked as sending by us."""
        async with self._host.work() as work:
            claimed = await claim(work, self._owner, most, self._lease)
            if claimed:
                noting(claimed)
            return claimed

    async def settle(self, attempts: Sequence[Attempt]) -> bool:
        """Write what became of attempts; whether their enrolments have messages waiting."""
        async with self._host.work() as work:
            return await settle(work, attempts, self._owner, self._random)

    async def take_back(self, own: Collection[UUID]) -> int:
        """Put back what was claimed for us and is not among our `own`; how many messages."""
        async with self._host.work() as work:
            return await take_back(work, self._owner, own, self._random)

    async def sweep(self, own: Collection[UUID], heard: Collection[UUID] = ()) -> int:
        """Deal with messages that nobody will; `own` are in our hands, of `heard` senders we have notes."""
        async with self._host.work() as work:
            return await sweep(work, self._owner, own, heard, self._random)

    async def inherit(self, legacy: Legacy) -> Counter[str]:
        """Settle what a sender that is gone left behind; how many letters, by result."""
        async with self._host.work() as work:
            return await inherit(work, legacy, self._random)
