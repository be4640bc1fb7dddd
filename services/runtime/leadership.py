"""One of many: whoever holds the lease works, the others wait. A dead leader is followed within 8 s.

No clocks are compared. A leader stops when its last renewal is older than `_SAFE` by its own clock; a
waiting one takes over when it has seen the same revision for longer, `_LEASE`, by its own. Whatever must
never be done by two is fenced besides: a lease only saves double work.
Source: Kleppmann, "How to do distributed locking" (2016).
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial

import structlog

from services.runtime.bus import Bus, BusUnavailable
from services.runtime.patience import heed_cancellation, wait_any
from services.runtime.slots import Overtaken, Slot

log = structlog.get_logger()
_LEASE = 6.0
_SAFE = 4.5
_RENEW = 1.5
_LOOK = 1.0
_LET_GO_SECONDS = 2.0


class Leadership:
    """A lease under a key of a bucket. `holder` is unique for ever, `told` is what others may read of it."""

    def __init__(self, bus: Bus, bucket: str, key: str, holder: str) -> None:
        self._slot = Slot(bus, bucket, key)
        self._key = key
        self._holder = holder
        self._revision = 0
        self._renewed = 0.0
        self.told: dict[str, str] = {}

    async def hold(self, work: Callable[[], Awaitable[None]], stopping: asyncio.Event) -> None:
        """Wait for the lease, then run `work` while it lasts. Returns when work, lease or program end.

        Raises what `work` raises. The lease is given back at once, so that another may try.
        """
        if not await self._take(stopping):
            return
        log.info("leadership.taken", key=self._key)
        task = asyncio.ensure_future(work())
        keeper = asyncio.ensure_future(self._keep())
        stop = asyncio.ensure_future(stopping.wait())
        try:
            await asyncio.wait({task, keeper, stop}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in (task, stop):
                each.cancel()
            with suppress(asyncio.CancelledError, asyncio.TimeoutError):
                await asyncio.wait({task}, timeout=max(0.5, self._renewed + _SAFE - time.monotonic()))
            held = not keeper.done()
            keeper.cancel()
            await asyncio.wait({keeper})
            if held:
                await self._give_back()
        if task.done() and not task.cancelled():
            task.result()

    async def _take(self, stopping: asyncio.Event) -> bool:
        seen, since = -1, time.monotonic()
        while not stopping.is_set():
            try:
                value, revision = await self._slot.read()
                now = time.monotonic()
                if revision != seen:
                    seen, since = revision, now
                if value is None or now - since > _LEASE or _holder(value) == self._holder:
                    await self._write(revision)
                    heed_cancellation()
                    return True
            except Overtaken:
                continue
            except BusUnavailable:
                seen = -1  # whoever leads cannot renew either
            heed_cancellation()
            await wait_any(stopping, timeout=_LOOK)
        return False

    async def _write(self, after: int) -> None:
        before = time.monotonic()
        value = json.dumps({"holder": self._holder, **self.told}).encode()
        self._revision = await self._slot.write(value, after)
        self._renewed = before

    async def _keep(self) -> None:
        """Renew until that fails for too long, or another has it."""
        while True:
            await asyncio.sleep(_RENEW)
            try:
                await self._write(self._revision)
            except Overtaken:
                if not await self._is_ours():
                    log.warning("leadership.lost", key=self._key, why="another has it")
                    return
            except BusUnavailable as error:
                if time.monotonic() > self._renewed + _SAFE - _RENEW:
                    log.warning("leadership.lost", key=self._key, why=str(error))
                    return
            heed_cancellation()

    async def _is_ours(self) -> bool:
        """A renewal without an answer may have been written: then its revision is ours."""
        with suppress(BusUnavailable):
            before = time.monotonic()
            value, revision = await self._slot.read()
            if value is not None and _holder(value) == self._holder:
                self._revision, self._renewed = revision, before
                return True
        return False

    async def _give_back(self) -> None:
        with suppress(Overtaken, BusUnavailable, TimeoutError):
            async with asyncio.timeout(_LET_GO_SECONDS):
                await self._slot.write(b"", self._revision)


async def hold_one_of(
    leases: Sequence[Leadership], work: Callable[[], Awaitable[None]], stopping: asyncio.Event
) -> None:
    """As `Leadership.hold` with whichever lease is free first; none is held beside it for long."""
    stops = [asyncio.Event() for _ in leases]
    chosen: list[int] = []

    async def works(place: int) -> None:
        if chosen:
            return
        chosen.append(place)
        for other, stop in enumerate(stops):
            if other != place:
                stop.set()
        await work()

    async def stopped() -> None:
        await stopping.wait()
        for stop in stops:
            stop.set()

    stopper = asyncio.ensure_future(stopped())
    waits = [
        asyncio.ensure_future(lease.hold(partial(works, place), stops[place]))
        for place, lease in enumerate(leases)
    ]
    try:
        await asyncio.gather(*waits)
    finally:
        for each in (stopper, *waits):
            each.cancel()
        await asyncio.wait(waits)


def _holder(value: bytes) -> str:
    try:
        return str(json.loads(value)["holder"])
    except (ValueError, KeyError, TypeError):
        return ""
