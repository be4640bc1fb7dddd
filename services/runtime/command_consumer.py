"""Brings a service's commands from the work queue to their runner, and settles each by its outcome.

FastStream pulls; one middleware alone acknowledges. Its defaults (reject, bare nack) are never used.
"""

import asyncio
import random
from contextlib import suppress
from functools import partial
from typing import Any

import nats.errors
import nats.js.errors
import structlog
from faststream import AckPolicy, BaseMiddleware, StreamMessage
from faststream.nats import JStream, NatsBroker, PullSub
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.contract import COMMANDS_STREAM
from services.runtime.bus import Bus
from services.runtime.commands import OUTCOMES, CommandRunner, Outcome
from services.runtime.errors import Retryable
from services.runtime.patience import wait_any
from services.runtime.received import RawMessage
from services.runtime.streams import commands_consumer

log = structlog.get_logger()
# A pull stands this long on the server; one lost with its connection is noticed no later.
_PULL_SECONDS = 5.0
_BATCH = 100
_REST_SECONDS = 0.05
_ACK_SECONDS = 5.0
_FIRST_DELAY = 0.05
_LONGEST_DELAY = 900.0
_LONGEST_HANDLING = 60.0
_LOOK_SECONDS = 10.0
_FAILED_PULL_SECONDS = 0.5


class QueueMissing(Exception):
    """There is no durable consumer for this service's commands."""


class _PatientPull:
    """A pull that brings what is there at once, and waits before it reports a failure.

    FastStream collects until a batch is full or its time is over, and pulls again at once after any
    failure: hundreds of times a second when the durable is gone, and on a closed connection without
    ever letting another task of the process run.
    """

    def __init__(self, pull: Any) -> None:
        self._pull = pull

    async def fetch(self, batch: int, timeout: float) -> list[Msg]:
        """The next messages. Raises TimeoutError when there are none, after a pause if it must."""
        if batch < _BATCH:
            raise nats.errors.TimeoutError
        try:
            first: list[Msg] = await self._pull.fetch(batch=1, timeout=timeout)
            return first + await self._rest(first[0].metadata.num_pending)
        except TimeoutError:
            await asyncio.sleep(0)
            raise
        except (nats.errors.Error, nats.js.errors.Error) as error:
            await asyncio.sleep(_FAILED_PULL_SECONDS)
            raise nats.errors.TimeoutError from error

    async def _rest(self, waiting: int) -> list[Msg]:
        """What was waiting behind the first, unless another replica takes it."""
        if not waiting:
            return []
        try:
            wanted = min(waiting, _BATCH - 1)
            found: list[Msg] = await self._pull.fetch(batch=wanted, timeout=_REST_SECONDS)
        except (nats.errors.Error, nats.js.errors.Error):
            return []
        return found

    async def unsubscribe(self) -> None:
        """Let go of the pull's inbox, if the connection still stands."""
        with suppress(nats.errors.Error):
            await self._pull.unsubscribe()


class _SharedBroker(NatsBroker):
    """FastStream over the connection that the process has already."""

    def __init__(self, bus: Bus, **options: Any) -> None:
        super().__init__(**options)
        self._bus = bus

    async def _connect(self) -> Client:
        self.config.connect(self._bus.nc)
        return self._bus.nc

    async def start(self) -> None:
        """Start the subscribers, which then pull with patience."""
        await super().start()
        for subscriber in self.subscribers:
            subscriber.subscription = _PatientPull(subscriber.subscription)  # type: ignore[attr-defined]

    async def stop(self, *_error: Any) -> None:
        """Stop the subscribers; the connection is not ours to close."""
        self._connection = None
        for subscriber in self.subscribers:
            await subscriber.stop()


class Settle(BaseMiddleware[Any, list[Msg]]):
    """Done, ignored or parked: acknowledged for sure. All else is handed out again, later."""

    def __init__(self, msg: list[Msg], /, *, context: Any, service: str) -> None:
        super().__init__(msg, context=context)
        self._service = service

    async def consume_scope(self, call_next: Any, msg: StreamMessage[Any]) -> Any:
        """Run the commands and settle each."""
        messages: list[Msg] = msg.raw_message
        try:
            outcomes: list[Outcome] = await call_next(msg)
        except Exception as error:
            log.warning("commands.failed", service=self._service, error=repr(error)[:200])
            OUTCOMES.labels(self._service, "failed").inc(len(messages))
            outcomes = [Retryable("failed")] * len(messages)
        await asyncio.gather(*map(self._settle, messages, outcomes))

    async def _settle(self, message: Msg, outcome: Outcome) -> None:
        try:
            if isinstance(outcome, str):
                await message.ack_sync(timeout=_ACK_SECONDS)
            else:
                at_least = outcome.after.total_seconds() if outcome.after else 0.0
                delay = max(at_least, put_off(message.metadata.num_delivered))
                await message.nak(delay=delay)
        except (nats.errors.Error, TimeoutError) as error:
            # It comes again, and the inbox knows what was done.
            log.warning("command.unsettled", service=self._service, error=repr(error))


def put_off(delivered: int) -> float:
    """Seconds until a command that was handed out so many times comes again; full jitter."""
    bound = min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** min(delivered - 1, 20))
    return max(0.01, random.uniform(0, bound))


def raw_message(message: Msg) -> RawMessage:
    """A message of the work queue as a reader would have it."""
    metadata = message.metadata
    return RawMessage(
        metadata.stream,
        message.subject,
        metadata.sequence.stream,
        message.headers or {},
        message.data,
        metadata.timestamp,
    )


class CommandConsumer:
    """Pulls the commands of one service, batch after batch, while its durable exists."""

    def __init__(self, bus: Bus, runner: CommandRunner) -> None:
        self._bus = bus
        self._runner = runner
        self._durable = commands_consumer(runner.group)
        self.problem: str | None = "starting"

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until told to stop. Raises QueueMissing, and what bus and database raise."""
        await wait_any(self._bus.opened, stopping)
        await self._runner.prepare()
        await self._look()
        broker = self._broker()
        await broker.start()
        try:
            while not await wait_any(stopping, timeout=_LOOK_SECONDS):
                await self._look()
        finally:
            await broker.stop()

    async def _look(self) -> None:
        """FastStream goes on pulling from a durable that is gone, and makes one at its start."""
        if not self._bus.connected:
            self.problem = "not connected"
            return
        try:
            await self._bus.js.consumer_info(COMMANDS_STREAM, self._durable.name)
        except nats.js.errors.NotFoundError as error:
            self.problem = f"{self._durable.name} is missing: run `leadwire provision`"
            raise QueueMissing(self.problem) from error
        except (nats.errors.Error, nats.js.errors.Error) as error:
            self.problem = type(error).__name__
            return
        self.problem = None

    def _broker(self) -> NatsBroker:
        service = self._runner.group
        broker = _SharedBroker(
            self._bus,
            servers=[],
            middlewares=[partial(Settle, service=service)],
            graceful_timeout=_LONGEST_HANDLING,
            apply_types=False,
            logger=None,
        )

        async def as_they_came(batch: StreamMessage[list[Msg]]) -> list[Msg]:
            return batch.raw_message

        @broker.subscriber(
            self._durable.filter_subject,
            durable=self._durable.name,
            config=self._durable.config(),
            stream=JStream(COMMANDS_STREAM, declare=False),
            pull_sub=PullSub(batch_size=_BATCH, timeout=_PULL_SECONDS, batch=True),
            inbox_prefix=f"{self._bus.inbox_prefix}.".encode(),
            decoder=as_they_came,
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
        )
        async def handle(messages: list[Msg]) -> list[Outcome]:
            return await self._runner.run([raw_message(message) for message in messages])

        return broker
