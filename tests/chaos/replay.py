"""The same deliveries, one after the other, to fresh services on fresh engines, with nothing broken.

The order is the one in which connectors published them: within a stream that of the stream, which is
checked; between the two raw streams, whose readers know nothing of each other, that of the facts.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import asyncpg
from nats.aio.client import Client
from nats.js import JetStreamContext

from tests.chaos.orders import STORED_AS, STORED_AT
from tests.chaos.settle import settle
from tests.chaos.state import State, read_state
from tests.chaos.world import REPLICAS, World, world
from tests.support.wait import until

RAW = ("INTAKE", "INGRESS_PARTNER")
_ALONE = dict.fromkeys(REPLICAS, 1)
_AT_ONCE = 100
# As a form encodes it, or as it is; a chat's card has only the id of its message.
_NUMBER = re.compile(rb"(?:Enquiry[ +]|\"message_id\": ?)(\d+)")


@dataclass(frozen=True)
class Raw:
    """A message of a raw stream, as it was stored."""

    stream: str
    seq: int
    subject: str
    headers: dict[str, str]
    body: bytes
    person: int | None = None


@dataclass
class Recording:
    """All raw messages by stream and sequence, and where the facts made of them came from, in order."""

    messages: dict[tuple[str, int], Raw] = field(default_factory=dict)
    order: list[tuple[str, int]] = field(default_factory=list)

    def out_of_order(self) -> list[str]:
        """Facts that were not published in the order of their stream."""
        last: dict[str, int] = {}
        found = []
        for stream, seq in self.order:
            if seq < last.get(stream, 0):
                found.append(f"{stream} {seq} was published after {last[stream]}")
            last[stream] = max(seq, last.get(stream, 0))
        return found

    def waves(self) -> Iterator[list[Raw]]:
        """Runs of messages, each to be read before the next begins: nobody is in both streams of one."""
        wave: list[Raw] = []
        where: dict[int, str] = {}
        for message in self._in_order():
            if message.person is not None and where.get(message.person, message.stream) != message.stream:
                yield wave
                wave, where = [], {}
            wave.append(message)
            if message.person is not None:
                where[message.person] = message.stream
        if wave:
            yield wave

    def _in_order(self) -> Iterator[Raw]:
        done = dict.fromkeys(RAW, 0)
        for stream, seq in [*self.order, *((stream, self._last(stream)) for stream in RAW)]:
            for n in range(done[stream] + 1, seq + 1):
                yield self.messages[stream, n]
            done[stream] = max(done[stream], seq)

    def _last(self, stream: str) -> int:
        return max((seq for name, seq in self.messages if name == stream), default=0)


async def record(world: World, persons: Mapping[int, int]) -> Recording:
    """Read everything that came in, and the order in which it was passed on.

    `persons` tells who sent a touch, by its number.
    """
    recording = Recording()
    connection = await world.bus.connect()
    try:
        js = connection.jetstream()
        for stream in RAW:
            async for seq, message in read_all(js, stream):
                said = _NUMBER.search(message.body)
                person = persons.get(int(said[1])) if said else None
                recording.messages[stream, seq] = replace(message, person=person)
        causes = await _causes(world.dsn)
        seen = set()
        async for _, message in read_all(js, "CRM_CONNECTORS"):
            event = json.loads(message.body)
            if event["id"] not in seen and event["id"] in causes:
                recording.order.append(causes[event["id"]])
            seen.add(event["id"])
    finally:
        await connection.close()
    return recording


async def read_all(js: JetStreamContext, stream: str) -> AsyncIterator[tuple[int, Raw]]:
    """Every message of a stream, with its sequence and when it was stored."""
    left = (await js.stream_info(stream)).state.messages
    if not left:
        return
    subscription = await js.subscribe("", stream=stream, ordered_consumer=True)
    try:
        while left:
            message = await subscription.next_msg(timeout=10)
            known = message.metadata
            left, seq = known.num_pending, known.sequence.stream
            headers = {**(message.headers or {}), STORED_AT: known.timestamp.isoformat()}
            yield seq, Raw(stream, seq, message.subject, headers, message.data)
    finally:
        await subscription.unsubscribe()


async def _causes(dsn: str) -> dict[str, tuple[str, int]]:
    """Event id to the raw message it came of: a cause is written `delivery@stream:seq`."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("SELECT event_id, body FROM connectors.outbox")
    finally:
        await connection.close()
    found = {}
    for row in rows:
        stream, _, seq = json.loads(row["body"])["causationid"].rpartition("@")[2].rpartition(":")
        found[row["event_id"]] = (stream, int(seq))
    return found


async def replay(recording: Recording, patience: float) -> tuple[State, str]:
    """The state that comes of it, and what never settled, if anything."""
    async with world(_ALONE, replay=True) as fresh:
        connection = await fresh.bus.connect()
        database = await asyncpg.connect(fresh.dsn)
        try:
            for wave in recording.waves():
                await asyncio.gather(*(_feed(connection, wave, stream) for stream in RAW))
                for stream in RAW:
                    await _read(database, [one for one in wave if one.stream == stream])
        finally:
            await database.close()
            await connection.close()
        left = await settle(fresh.dsn, fresh.bus, patience)
        return await read_state(fresh.dsn), left


async def _feed(connection: Client, wave: Iterable[Raw], stream: str) -> None:
    """Store them under the sequences they had: ids are made of those."""
    mine = [one for one in wave if one.stream == stream]
    for place in range(0, len(mine), _AT_ONCE):
        # They go out in this order over one connection, and are stored in it.
        await asyncio.gather(*(_store(connection, one) for one in mine[place : place + _AT_ONCE]))


async def _store(connection: Client, message: Raw) -> None:
    headers = {name: value for name, value in message.headers.items() if not name.startswith("Nats-")}
    if own := message.headers.get("Nats-Msg-Id"):
        headers[STORED_AS] = own
    answer = await connection.request(message.subject, message.body, timeout=30, headers=headers)
    told = json.loads(answer.data)
    if told.get("seq") != message.seq:
        raise AssertionError(f"{message.stream} {message.seq} could not be replayed: {told}")


async def _read(database: "asyncpg.Connection[asyncpg.Record]", fed: Sequence[Raw]) -> None:
    async def read() -> bool:
        seq = await database.fetchval("SELECT seq FROM connectors.positions WHERE stream = $1", last.stream)
        return bool(seq is not None and seq >= last.seq)

    if fed:
        last = fed[-1]
        await until(read, 120, every=0.01, why=f"{last.stream} to be read to {last.seq}")
