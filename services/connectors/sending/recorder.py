"""Writes outcomes down, many in one commit, and keeps them until that worked."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from services.connectors.usecases.read_raw import CurrentRules
from services.connectors.usecases.settle_messages import Done, settle_messages
from services.connectors.usecases.tie_receipts import release_receipts
from services.runtime.patience import Backoff, wait_any

if TYPE_CHECKING:
    from services.runtime.host import Host

log = structlog.get_logger()
_MOST = 100


class Recorder:
    """`last` says that no more will come. `settled` is called after each commit."""

    def __init__(self, rules: CurrentRules, settled: Callable[[], None]) -> None:
        self.last = asyncio.Event()
        self._rules = rules
        self._settled = settled
        self._come = asyncio.Event()
        self._done: list[Done] = []

    @property
    def ids(self) -> set[UUID]:
        """The messages whose outcome is not written down yet."""
        return {one.message_id for one in self._done}

    def add(self, done: Done) -> None:
        """Write this down soon."""
        self._done.append(done)
        self._come.set()

    async def run(self, host: "Host") -> None:
        """Write until `last`, then what is left."""
        backoff = Backoff(first=0.1, longest=2)
        while self._done or not self.last.is_set():
            if not self._done:
                await wait_any(self._come, self.last)
                self._come.clear()
                continue
            batch = self._done[:_MOST]
            try:
                async with host.work() as work:
                    await settle_messages(work, batch, self._rules())
                    await release_receipts(work)
            except Exception as error:
                log.warning("sending.not_recorded", why=type(error).__name__)
                await asyncio.sleep(backoff.next())
                continue
            backoff.reset()
            del self._done[: len(batch)]
            self._settled()
