"""Hears on the bus who calls and what becomes of it, whichever replica found it out."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

import orjson
import structlog

from contracts.calls import CallAnswered, CallEnded, CallIdentified
from contracts.contract import Contract, stream_of
from contracts.envelope import Envelope, decode
from services.leads.live.board import Board
from services.runtime.feed import Feed
from services.runtime.patience import Backoff, wait_any
from services.runtime.received import RawMessage

if TYPE_CHECKING:
    from services.runtime.host import Host

log = structlog.get_logger()
_LOOK_SECONDS = 5.0
_OUTCOMES = {CallAnswered.TYPE: "answered", CallEnded.TYPE: "ended"}
_TOLD = ("call_id", "agent", "outcome", "occurred_at")
Take = Callable[[Envelope, RawMessage], None]


async def listen(host: "Host", board: Board) -> None:
    """Keep the board until the host stops."""
    await wait_any(host.bus.opened, host.stopping)

    def identified(envelope: Envelope, message: RawMessage) -> None:
        data = envelope.data or {}
        known = UUID(str(data["call_id"]))
        board.identified(known, orjson.dumps(data), message.seq, message.stored_at)

    def came_to(envelope: Envelope, message: RawMessage) -> None:
        data = envelope.data or {}
        told = {name: data[name] for name in _TOLD if name in data}
        known, name = UUID(str(data["call_id"])), _OUTCOMES[envelope.type]
        board.came_to(known, name, orjson.dumps(told), message.seq, message.stored_at)

    ears = [
        _Ear(host, board, (CallIdentified,), identified),
        _Ear(host, board, (CallAnswered, CallEnded), came_to),
    ]
    async with asyncio.TaskGroup() as group:
        for ear in ears:
            group.create_task(ear.listen())
        await asyncio.gather(*(ear.caught_up.wait() for ear in ears))
        board.ready.set()


class _Ear:
    """Hears facts of some types in one stream, from so long ago as the board keeps calls."""

    def __init__(self, host: "Host", board: Board, contracts: tuple[type[Contract], ...], take: Take) -> None:
        self._host = host
        self._board = board
        self._stream = stream_of(contracts[0])
        self._subjects = [f"{contract.TYPE}.*" for contract in contracts]
        self._take = take
        self.caught_up = asyncio.Event()

    async def listen(self) -> None:
        """Every failure begins anew; the board knows what it has heard."""
        backoff = Backoff()
        while not self._host.stopping.is_set():
            try:
                await self._follow(backoff)
            except Exception as error:
                log.info("calls.heard_again", stream=self._stream, error=type(error).__name__)
                await wait_any(self._host.stopping, timeout=backoff.next())
        self.caught_up.set()

    async def _follow(self, backoff: Backoff) -> None:
        since = self._host.clock.now() - self._board.keep
        feed = await Feed.open(self._host.bus, self._stream, since, self._subjects)
        watch = asyncio.create_task(self._interrupt(feed))
        try:
            missing = feed.pending
            while not self._host.stopping.is_set():
                if missing <= 0:
                    self.caught_up.set()
                messages = await feed.next(_LOOK_SECONDS)
                missing -= len(messages)
                for message in messages:
                    self._hear(message)
                self._board.forget(self._host.clock.now())
                backoff.reset()
        finally:
            watch.cancel()
            await feed.close()

    async def _interrupt(self, feed: Feed) -> None:
        await self._host.stopping.wait()
        feed.interrupt()

    def _hear(self, message: RawMessage) -> None:
        try:
            self._take(decode(message.body), message)
        except (ValueError, KeyError) as error:
            log.warning("calls.unreadable", stream=self._stream, seq=message.seq, error=type(error).__name__)
