"""The floor with one guard taken out at a time, to see that each is needed."""

from typing import TYPE_CHECKING

from services.runtime.inbox import Inbox, NoInbox
from services.runtime.outbox import Outgoing
from services.runtime.positions import Positions
from services.runtime.redrive import Redrive
from services.runtime.relay import Relay

if TYPE_CHECKING:
    from services.runtime.database import Connection

GUARDS = frozenset({"inbox", "fence", "redrive-lock", "single-relay"})


class Unfenced(Positions):
    """Moves the position whoever else has moved it."""

    async def move(
        self, connection: "Connection", expected: int, seq: int, last_event_id: str | None
    ) -> None:
        await connection.execute(
            "INSERT INTO positions (stream, grp, seq, stream_created) VALUES ($1, $2, $3, '')"
            " ON CONFLICT (stream, grp) DO UPDATE SET seq = greatest(positions.seq, excluded.seq)",
            self.stream,
            self.group,
            seq,
        )

    async def count_attempt(self, connection: "Connection", expected: int, seq: int) -> int:
        return 1


class UnlockedForRedrive(Positions):
    """Lets redrive work while the reader does."""

    async def lock(self, connection: "Connection") -> None:
        return


class SkippingRelay(Relay):
    """One of many relays, each taking what the others have not locked."""

    async def _mine(self, connection: "Connection") -> bool:
        return True

    async def publish_waiting(self, connection: "Connection") -> int:
        async with connection.transaction():
            return await super().publish_waiting(connection)

    async def claim(self, connection: "Connection") -> list[Outgoing]:
        rows = await connection.fetch(
            "SELECT id, event_id, stream, subject, key, headers, body FROM outbox"
            " WHERE published_at IS NULL ORDER BY id LIMIT 7 FOR UPDATE SKIP LOCKED"
        )
        return [Outgoing(**row) for row in rows]


class UnlockedRedrive(Redrive):
    """A redrive whose positions do not lock."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs, positions=UnlockedForRedrive)  # type: ignore[arg-type]


def inbox_for(group: str, off: frozenset[str]) -> Inbox:
    """The inbox, or what is left without one."""
    return NoInbox(group) if "inbox" in off else Inbox(group)


def positions_for(stream: str, group: str, off: frozenset[str]) -> Positions:
    """The position row, fenced or not."""
    return (Unfenced if "fence" in off else Positions)(stream, group)
