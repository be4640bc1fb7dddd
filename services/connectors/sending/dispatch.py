"""Sends what is queued: claims of every channel what may leave now, hands it over, writes the outcome down.

One loop a process. A channel has its own tasks, so that a slow vendor delays no other; what may leave, and
when, is decided in the database by all processes together.
"""

import asyncio
from collections import Counter as Tally
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from prometheus_client import Histogram

from services.connectors.definitions.channel import Channel
from services.connectors.domain.sending import Later, Outcome
from services.connectors.outside.web import Web
from services.connectors.sending.attempt import Means, attempt
from services.connectors.sending.carrier import Carriers
from services.connectors.sending.logins import Logins
from services.connectors.sending.recorder import Recorder
from services.connectors.store import queue
from services.connectors.usecases.claim_messages import Claimed, claim_messages
from services.connectors.usecases.read_raw import CurrentRules
from services.connectors.usecases.settle_messages import Done, sweep_messages
from services.connectors.usecases.tie_receipts import release_receipts
from services.runtime.patience import wait_any

if TYPE_CHECKING:
    from services.runtime.host import Host

log = structlog.get_logger()
ASKED = Histogram(
    "leadwire_send_seconds", "Seconds that a vendor took to answer a message.", ["channel"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)  # fmt: skip
_AT_ONCE = 32
_BUSY_SECONDS, _IDLE_SECONDS = 0.2, 1.0
# Leases last much longer.
_SWEEP_SECONDS = 3.0
# A wake-up comes a moment before the commit it tells of.
_LOOK_AGAIN = (0.01, 0.02, 0.04, 0.08, 0.16)
_FINISH_SECONDS = 15.0


class Dispatch:
    """`wake` says that there is something to send. `timeout`: seconds that a vendor has for an answer."""

    def __init__(self, rules: CurrentRules, carriers: Carriers, owner: UUID, *, timeout: float) -> None:
        self.wake = asyncio.Event()
        self._rules = rules
        self._carriers = carriers
        self._owner = owner
        self._timeout = timeout
        self._logins = Logins()
        # Whoever is silent for longer than an attempt can last has stopped.
        self._lease = timedelta(seconds=2 * timeout + 5)
        self._tasks: dict[asyncio.Task[None], Claimed] = {}
        self._free_at: dict[str, float] = {}
        self._recorder = Recorder(rules, self.wake.set)
        carriers.changed = self.wake.set

    async def run(self, host: "Host") -> None:
        """Send until the host stops; what is on its way then is finished and written down."""
        if host.definitions:
            await wait_any(host.definitions.loaded, host.stopping)
        recording = asyncio.create_task(self._recorder.run(host), name="sending.recorder")
        sweeping = asyncio.create_task(self._sweep(host), name="sending.sweep")
        try:
            async with Web(connections=200) as web:
                try:
                    await self._send(host, web)
                finally:
                    await self._finish()
        finally:
            sweeping.cancel()
            self._recorder.last.set()
            await asyncio.wait({recording, sweeping}, timeout=_FINISH_SECONDS)
            recording.cancel()

    async def _send(self, host: "Host", web: Web) -> None:
        looks: list[float] = []
        while not host.stopping.is_set():
            if self.wake.is_set():
                self.wake.clear()
                looks = list(_LOOK_AGAIN)
            try:
                busy = await self._round(host, web)
            except Exception as error:
                log.warning("sending.failed", why=type(error).__name__)
                busy = False
            pause = looks.pop(0) if looks else _BUSY_SECONDS if busy else _IDLE_SECONDS
            await wait_any(self.wake, host.stopping, timeout=pause)

    async def _round(self, host: "Host", web: Web) -> bool:
        """Begin what may leave; whether there was any."""
        async with host.database.pool.acquire() as connection:
            names = await queue.waiting(connection)
        begun = 0
        at_work = Tally(claimed.channel.name for claimed in self._tasks.values())
        for name in names:
            channel = self._rules().channels.get(name)
            room = _AT_ONCE - at_work[name]
            if room > 0 and self._can_carry(channel):
                async with host.work() as work:
                    claimed = await claim_messages(work, name, channel, self._owner, room, self._lease)
                for one in claimed:
                    self._begin(one, host, web)
                begun += len(claimed)
        return begun > 0

    def _can_carry(self, channel: Channel | None) -> bool:
        """Channels with a connection of their own are served by the process that has it."""
        sending = channel.kind.manifest.sending if channel else None
        needs = sending is not None and sending.connection
        return not needs or (channel is not None and self._carriers.of(channel.name) is not None)

    def _begin(self, claimed: Claimed, host: "Host", web: Web) -> None:
        task = asyncio.create_task(self._carry(claimed, host, web))
        self._tasks[task] = claimed
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)

    async def _carry(self, claimed: Claimed, host: "Host", web: Web) -> None:
        """Wait for its moment, hand it over, remember what came of it."""
        if await self._too_soon(claimed.wait, host) or await self._too_soon(self._behind(claimed), host):
            self._over(claimed, Later(0.001, "whoever was to send it stopped first"))
            return
        with ASKED.labels(claimed.channel.name).time():
            means = Means(web, self._carriers, self._logins, self._timeout)
            outcome = await attempt(claimed, means)
        self._over(claimed, outcome)

    async def _too_soon(self, seconds: float, host: "Host") -> bool:
        """Wait so long; whether the host stops meanwhile."""
        return seconds > 0 and await wait_any(host.stopping, timeout=seconds)

    def _behind(self, claimed: Claimed) -> float:
        """Seconds to keep from what left before, should this process be late with both."""
        name, sending = claimed.channel.name, claimed.channel.kind.manifest.sending
        now = asyncio.get_running_loop().time()
        at = max(now, self._free_at.get(name, now))
        self._free_at[name] = at + (sending.between if sending else 0)
        return at - now

    def _over(self, claimed: Claimed, outcome: Outcome) -> None:
        self._recorder.add(Done(claimed.message_id, claimed.owner, claimed.attempt, outcome))

    async def _sweep(self, host: "Host") -> None:
        """Look after messages of processes that are gone, and receipts that came early."""
        while not await wait_any(host.stopping, timeout=_SWEEP_SECONDS):
            try:
                own = {claimed.message_id for claimed in self._tasks.values()} | self._recorder.ids
                async with host.work() as work:
                    await sweep_messages(work, own, self._rules())
                    await release_receipts(work)
            except Exception as error:
                log.warning("sending.sweep_failed", why=type(error).__name__)

    async def _finish(self) -> None:
        """Let what is on its way arrive. What does not is open when its lease ends."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=_FINISH_SECONDS)
            for task in late:
                task.cancel()
