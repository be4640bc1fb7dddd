"""Applies one batch of a stream: position, inbox, effects, outbox and parked rows in one commit."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from prometheus_client import Counter

from services.runtime.clock import Clock
from services.runtime.database import is_transient
from services.runtime.errors import Ignored
from services.runtime.facts import Facts
from services.runtime.inbox import Inbox
from services.runtime.parked import Parked, Verdict, judge
from services.runtime.positions import LostPosition, Positions
from services.runtime.received import RawMessage, Received
from services.runtime.work import Work

if TYPE_CHECKING:
    from services.runtime.database import Connection

OUTCOMES = Counter(
    "leadwire_facts_total", "Facts read, by what became of them.", ["service", "stream", "outcome"]
)
Batch = Sequence[Received[Any]]
BEHIND = Verdict("behind", "an earlier one of the same key is parked")


class BatchApplier:
    """What a reader does with the messages it has pulled. Holds no state between batches."""

    def __init__(
        self,
        group: str,
        facts: Facts,
        clock: Clock,
        positions: Positions,
        inbox: Inbox,
        committed: Callable[[Work], None],
    ) -> None:
        self.group = group
        self.facts = facts
        self.clock = clock
        self.positions = positions
        self.inbox = inbox
        self.parked = Parked(facts.stream, group)
        self.committed = committed
        self._decode = facts.decoder()

    async def apply(self, connection: "Connection", expected: int, messages: Sequence[RawMessage]) -> None:
        """Deal with the messages and move the position to the last of them.

        Raises LostPosition when another reader was first, and whatever the database raises when it
        is at fault; then nothing has changed.
        """
        batch = [fact for fact in map(self._decode, messages) if self.facts.wants(fact)]
        try:
            await self._transact(connection, expected, messages[-1], batch, self._together)
        except LostPosition:
            raise
        except Exception as error:
            if is_transient(error):
                raise
            await self._transact(connection, expected, messages[-1], batch, self._apart)

    async def park(self, connection: "Connection", expected: int, message: RawMessage, why: str) -> None:
        """Park one message unseen, for a person, and move past it."""

        async def set_aside(connection: "Connection", batch: Batch, held: set[str], _work: Work) -> None:
            for fact in batch:
                await self._park(connection, fact, held, Verdict("person", why))

        await self._transact(connection, expected, message, [self._decode(message)], set_aside)

    async def _transact(
        self,
        connection: "Connection",
        expected: int,
        last: RawMessage,
        batch: Batch,
        take: Callable[["Connection", Batch, set[str], Work], Awaitable[None]],
    ) -> None:
        work: Work | None = None
        async with connection.transaction():
            await self.positions.move(connection, expected, last.seq, last.own_id)
            fresh = await self._fresh(connection, batch)
            if fresh:
                held = await self.parked.keys(connection, (fact.key for fact in fresh))
                work = self._work(connection, fresh[0])
                await take(connection, fresh, held, work)
        if work:
            self.committed(work)

    async def _fresh(self, connection: "Connection", batch: Batch) -> Batch:
        """Each event that was not dealt with before, once, in order."""
        if not batch:
            return []
        once: dict[str, Received[Any]] = {}
        for fact in batch:
            once.setdefault(fact.event_id, fact)
        seen = await self.inbox.seen(connection, list(once))
        self._count("repeated", len(batch) - len(once) + len(seen))
        return [fact for fact in once.values() if fact.event_id not in seen]

    async def _together(self, connection: "Connection", batch: Batch, held: set[str], work: Work) -> None:
        """All at once; whatever fails makes the whole transaction fail."""
        free = []
        for fact in batch:
            if fact.broken or fact.key in held:
                await self._park(connection, fact, held)
            else:
                free.append(fact)
        await self.inbox.mark(connection, [fact.event_id for fact in free])
        await self.facts.handle(free, work)
        await work.flush()
        self._count("applied", len(free))

    async def _apart(self, connection: "Connection", batch: Batch, held: set[str], work: Work) -> None:
        """A savepoint per fact, strictly in order: the one that fails is parked in this transaction.

        A parked row's id is its place behind its head, so nothing may be parked ahead of its turn.
        """
        for fact in batch:
            if fact.broken or fact.key in held:
                await self._park(connection, fact, held)
            elif verdict := await self._alone(connection, fact, work):
                await self._park(connection, fact, held, verdict)
                # Whoever retries parked facts need not wait for its poll.
                work.wakes_timers = True

    async def _park(
        self,
        connection: "Connection",
        fact: Received[Any],
        held: set[str],
        verdict: Verdict | None = None,
    ) -> None:
        if fact.key in held:
            verdict = BEHIND
        await self.parked.add(connection, fact, verdict or Verdict("person", fact.broken or ""))
        held.add(fact.key)
        self._count("parked")

    async def _alone(self, connection: "Connection", fact: Received[Any], whole: Work) -> Verdict | None:
        """Apply one fact; why it must be parked, if it must."""
        work = self._work(connection, fact)
        try:
            async with connection.transaction():
                await self.facts.handle([fact], work)
                await work.flush()
        except Ignored:
            self._count("ignored")
        except Exception as error:
            if is_transient(error):
                raise
            return judge(error, self.clock.now(), attempts=0)
        else:
            self._count("applied")
            whole.absorb(work)
        await self.inbox.mark(connection, [fact.event_id])
        return None

    def _work(self, connection: "Connection", fact: Received[Any]) -> Work:
        return Work(connection, group=self.group, now=self.clock.now(), cause=fact.cause)

    def _count(self, outcome: str, number: int = 1) -> None:
        OUTCOMES.labels(self.group, self.facts.stream, outcome).inc(number)
