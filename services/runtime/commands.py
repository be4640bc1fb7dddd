"""What a service is asked to do: each command once, in order behind a parked one of its key."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

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
Outcome: TypeAlias = str | Retryable
Batch: TypeAlias = Sequence[Received[Any]]
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
    """Runs a batch of commands: inbox, effects, outbox and parked rows in one commit."""

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
        """Make the row that lets one batch at a time through, redrives included."""
        async with self.database.pool.acquire() as connection:
            await self._turn.begin(connection, Position(0, "work queue", None))

    async def run(self, messages: Sequence[RawMessage]) -> list[Outcome]:
        """Run commands in order; what became of each. A Retryable changed nothing.

        Raises whatever the database raises when it is at fault; then nothing has changed.
        """
        commands = [self._decode(message) for message in messages]
        try:
            outcomes = await self._transact(commands, self._together if len(commands) > 1 else self._apart)
        except Exception as error:
            if is_transient(error):
                raise
            outcomes = await self._transact(commands, self._apart)
        for outcome in outcomes:
            OUTCOMES.labels(self.group, outcome if isinstance(outcome, str) else "put_off").inc()
        return outcomes

    async def _transact(self, commands: Batch, way: "_Way") -> list[Outcome]:
        whole: Work | None = None
        async with self.database.pool.acquire() as connection, connection.transaction():
            await self._turn.lock(connection)
            outcomes = await self._set_aside(connection, commands)
            fresh = {each.event_id: each for each in commands if each.event_id not in outcomes}
            if fresh:
                whole = self._work(connection, next(iter(fresh.values())))
                outcomes |= await way(connection, list(fresh.values()), whole)
        if whole:
            self._committed(whole)
        return [outcomes[command.event_id] for command in commands]

    async def _set_aside(self, connection: "Connection", commands: Batch) -> dict[str, Outcome]:
        """Repeats, the unreadable, and what must wait behind a parked one of its key."""
        seen = await self._inbox.seen(connection, [each.event_id for each in commands])
        held = await self._parked.keys(connection, [each.key for each in commands])
        outcomes: dict[str, Outcome] = dict.fromkeys(seen, "repeated")
        for command in commands:
            if command.event_id in outcomes or not (command.broken or command.key in held):
                continue
            verdict = BEHIND if command.key in held else Verdict("person", command.broken or "")
            await self._parked.add(connection, command, verdict)
            held.add(command.key)
            outcomes[command.event_id] = "parked"
        return outcomes

    async def _together(self, connection: "Connection", commands: Batch, whole: Work) -> dict[str, Outcome]:
        ids = [command.event_id for command in commands]
        await self._inbox.mark(connection, ids)
        await self._commands.handle(commands, whole)
        await whole.flush()
        return dict.fromkeys(ids, "done")

    async def _apart(self, connection: "Connection", commands: Batch, whole: Work) -> dict[str, Outcome]:
        """A savepoint per command: the one that fails changes nothing, or is parked."""
        outcomes: dict[str, Outcome] = {}
        held: set[str] = set()
        for command in commands:
            if command.key in held:
                await self._parked.add(connection, command, BEHIND)
                outcomes[command.event_id] = "parked"
                continue
            outcome = await self._alone(connection, command, whole)
            if isinstance(outcome, Verdict):
                held.add(command.key)
                await self._parked.add(connection, command, outcome)
            outcomes[command.event_id] = "parked" if isinstance(outcome, Verdict) else outcome
        return outcomes

    async def _alone(
        self, connection: "Connection", command: Received[Any], whole: Work
    ) -> Outcome | Verdict:
        work = self._work(connection, command)
        outcome = "done"
        try:
            async with connection.transaction():
                await self._commands.handle([command], work)
                await work.flush()
            whole.absorb(work)
        except Ignored:
            outcome = "ignored"
        except Retryable as error:
            return error
        except Exception as error:
            if is_transient(error):
                raise
            return judge(error, work.now, attempts=0)
        await self._inbox.mark(connection, [command.event_id])
        return outcome

    def _work(self, connection: "Connection", command: Received[Any]) -> Work:
        return Work(connection, group=self.group, now=self.clock.now(), cause=command.cause)


_Way = Callable[["Connection", Batch, Work], Awaitable[dict[str, Outcome]]]
