"""What a service is asked to do: each command once, in one transaction, in order behind a parked one."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from prometheus_client import Counter

from contracts.contract import COMMANDS_STREAM, Command
from services.runtime.batch import BEHIND
from services.runtime.clock import Clock
from services.runtime.database import Database, is_transient
from services.runtime.errors import Ignored, Retryable
from services.runtime.facts import Facts
from services.runtime.inbox import Inbox
from services.runtime.parked import Parked, Verdict, judge
from services.runtime.positions import Position, Positions
from services.runtime.received import Decoder, RawMessage, Received, broken
from services.runtime.work import Work

if TYPE_CHECKING:
    from services.runtime.database import Connection

OUTCOMES = Counter("leadwire_commands_total", "Commands, by what became of them.", ["service", "outcome"])
H = TypeVar("H", bound=Callable[..., Awaitable[None]])


class Commands(Facts):
    """The routing of a service's commands. One nobody handles is parked: somebody asked for it."""

    def __init__(self) -> None:
        super().__init__(COMMANDS_STREAM)

    def on(self, *contracts: type[Any]) -> Callable[[H], H]:
        """Register `async (command, work)`. Raises ValueError for anything but a command."""
        for contract in contracts:
            if not issubclass(contract, Command):
                raise ValueError(f"{contract.__name__} is not a command")
        return super().on(*contracts)

    def decoder(self) -> Decoder:
        """How commands are read."""
        read = super().decoder()

        def read_known(message: RawMessage) -> Received[object]:
            command = read(message)
            if command.broken or self.wants(command):
                return command
            return broken(message, f"this service does not know {command.type}")

        return read_known


class CommandRunner:
    """Runs one command: inbox, effects, outbox and a parked row in one commit."""

    def __init__(
        self,
        database: Database,
        group: str,
        commands: Commands,
        clock: Clock,
        committed: Callable[[Work], None],
    ) -> None:
        self.database = database
        self.group = group
        self.clock = clock
        self._commands = commands
        self._committed = committed
        self._decode = commands.decoder()
        self._inbox = Inbox(group)
        self._parked = Parked(COMMANDS_STREAM, group)
        self._turn = Positions(COMMANDS_STREAM, group)

    async def prepare(self) -> None:
        """Make the row that lets one command at a time through, redrives included."""
        async with self.database.pool.acquire() as connection:
            await self._turn.begin(connection, Position(0, "work queue", None))

    async def run(self, message: RawMessage) -> str:
        """Deal with a command for good; what became of it.

        Raises Retryable, or whatever the database raises when it is at fault; then nothing has
        changed.
        """
        command = self._decode(message)
        work: Work | None = None
        async with self.database.pool.acquire() as connection, connection.transaction():
            await self._turn.lock(connection)
            outcome = await self._set_aside(connection, command)
            if outcome is None:
                work = Work(connection, group=self.group, now=self.clock.now(), cause=command.cause)
                outcome = await self._handle(connection, command, work)
        if work and outcome == "done":
            self._committed(work)
        OUTCOMES.labels(self.group, outcome).inc()
        return outcome

    async def _set_aside(self, connection: "Connection", command: Received[Any]) -> str | None:
        """Repeats, the unreadable, and what must wait behind a parked one of its key."""
        if await self._inbox.seen(connection, [command.event_id]):
            return "repeated"
        held = await self._parked.keys(connection, [command.key])
        if not held and not command.broken:
            return None
        verdict = BEHIND if held else Verdict("person", command.broken or "")
        await self._parked.add(connection, command, verdict)
        return "parked"

    async def _handle(self, connection: "Connection", command: Received[Any], work: Work) -> str:
        outcome = "done"
        try:
            async with connection.transaction():
                await self._commands.handle([command], work)
                await work.flush()
        except Ignored:
            outcome = "ignored"
        except Retryable:
            raise
        except Exception as error:
            if is_transient(error):
                raise
            await self._parked.add(connection, command, judge(error, work.now, attempts=0))
            return "parked"
        await self._inbox.mark(connection, [command.event_id])
        return outcome
