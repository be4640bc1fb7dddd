"""How a service is: what its inlet needs, and what may fail without taking the inlet down."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from prometheus_client import Gauge

from services.runtime import outbox, parked
from services.runtime.feed import FeedBroken, stream_state
from services.runtime.positions import Positions

if TYPE_CHECKING:
    from services.runtime.host import Host

OK = Gauge("leadwire_check_ok", "1 while a check of a service's health passes.", ["service", "check"])
LAG = Gauge("leadwire_reader_lag", "Messages in a stream not yet dealt with.", ["service", "stream"])
OUTBOX_AGE = Gauge("leadwire_outbox_oldest_seconds", "Age of the oldest waiting row.", ["service"])
PARKED = Gauge(
    "leadwire_parked", "Facts and commands that wait aside, by who brings them back.", ["service", "recovery"]
)
FILLED = Gauge("leadwire_stream_filled", "How full a stream with a limit of bytes is, 1 is full.", ["stream"])
_REMEMBER_SECONDS = 2.0
_PATIENCE_SECONDS = 3.0
_STALLED_SECONDS = 30.0
_OLD_OUTBOX = timedelta(seconds=60)


@dataclass(frozen=True)
class Check:
    """One finding. Only a `required` one makes a service unready."""

    service: str
    check: str
    ok: bool
    required: bool
    detail: str = ""


class Health:
    """Looks after one service; remembers for two seconds, so that anybody may ask often."""

    def __init__(self, host: "Host") -> None:
        self._host = host
        self._found: list[Check] = []
        self._found_at = -_REMEMBER_SECONDS
        self._moved: dict[str, tuple[int, float]] = {}

    async def look(self) -> list[Check]:
        """Every check of this service."""
        if time.monotonic() - self._found_at >= _REMEMBER_SECONDS:
            self._found = [self._bus(), self._definitions(), *await self._behind_the_inlet()]
            self._found_at = time.monotonic()
            for check in self._found:
                OK.labels(check.service, check.check).set(check.ok)
        return self._found

    def _check(self, name: str, problem: str | None, *, required: bool = False) -> Check:
        return Check(self._host.name, name, problem is None, required, problem or "")

    def _bus(self) -> Check:
        return self._check("bus", None if self._host.bus.connected else "not connected", required=True)

    def _definitions(self) -> Check:
        definitions = self._host.definitions
        if definitions is None or definitions.loaded.is_set():
            return self._check("definitions", definitions.problem if definitions else None)
        return self._check("definitions", definitions.problem or "not loaded", required=True)

    async def _behind_the_inlet(self) -> list[Check]:
        # Without an inlet a service is of no use while its database is away.
        required = self._host.program.inlet is None
        problem = await self._database()
        checks = [self._check("database", problem, required=required)]
        if problem is None:
            checks.append(self._check("outbox", await self._in_time(self._outbox())))
            await self._in_time(self._parked())
            checks += [
                self._check(f"reader {stream}", await self._in_time(self._reader(stream)))
                for stream in self._host.readers
            ]
        checks += [self._check(f"loop {name}", why) for name, why in self._host.failing.items()]
        if self._host.command_problem is not None:
            checks.append(self._check("commands", self._host.command_problem))
        return checks

    async def _in_time(self, look: Any) -> str | None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                found: str | None = await look
                return found
        except Exception as error:
            return type(error).__name__

    async def _database(self) -> str | None:
        async def ask() -> None:
            async with self._host.database.pool.acquire() as connection:
                await connection.fetchval("SELECT 1")

        return await self._in_time(ask())

    async def _outbox(self) -> str | None:
        async with self._host.database.pool.acquire() as connection:
            oldest = await outbox.oldest_unpublished(connection)
        age = datetime.now(UTC) - oldest if oldest else timedelta()
        OUTBOX_AGE.labels(self._host.name).set(age.total_seconds())
        return f"a row waits for {age.total_seconds():.0f} s" if age > _OLD_OUTBOX else None

    async def _parked(self) -> None:
        async with self._host.database.pool.acquire() as connection:
            counts = await parked.counts(connection, self._host.name)
        for recovery, count in counts.items():
            PARKED.labels(self._host.name, recovery).set(count)

    async def _reader(self, stream: str) -> str | None:
        """What the reader says of itself, and whether it moves while there is something to read."""
        reader = self._host.readers[stream]
        async with self._host.database.pool.acquire() as connection:
            position = await Positions(stream, self._host.name).read(connection)
        try:
            state = await stream_state(self._host.bus, stream)
        except FeedBroken as error:
            return str(error)
        if state.limit:
            FILLED.labels(stream).set(state.size / state.limit)
        seq = position.seq if position else 0
        LAG.labels(self._host.name, stream).set(max(0, state.last_seq - seq))
        return reader.problem or self._stalled(stream, seq, state.last_seq)

    def _stalled(self, stream: str, seq: int, last: int) -> str | None:
        now = time.monotonic()
        known, since = self._moved.get(stream, (seq, now))
        if seq != known or seq >= last:
            since = now
        self._moved[stream] = (seq, since)
        if now - since < _STALLED_SECONDS:
            return None
        return f"stands at {seq} of {last} for {now - since:.0f} s"


async def all_ready(hosts: "Iterable[Host]") -> bool:
    """Whether all that is required passes for every one of them right now."""
    found = await asyncio.gather(*(Health(host).look() for host in hosts))
    return all(check.ok for checks in found for check in checks if check.required)


def report(checks: Iterable[Check]) -> tuple[bool, list[dict[str, Any]]]:
    """Whether all that is required passes, and every check as JSON-ready data."""
    found = list(checks)
    return all(check.ok for check in found if check.required), [asdict(check) for check in found]
