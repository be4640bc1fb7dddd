"""From a telephone that rings to the name of who is calling, on a hub that has nothing else to do.

Each call is told to a webhook as Zadarma tells it. It counts until the fact has been published, and until an
onlooker of `/api/leads/calls/live` has read it. Beside it, between the calls: how long the bus takes to bring
the same bytes to a subscriber, stored and not stored.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode

import httpx
from nats.aio.msg import Msg

from contracts.calls import CallIdentified
from services.hub.settings import EXAMPLE
from services.runtime.bus import Bus
from tests.bench.journey_growth import store
from tests.e2e.hub import Hub, a_hub
from tests.steady.figures import percentile
from tests.support.wait import until

MOST_SECONDS = 0.1
_WARM_UP = 20
_PAUSE = (0.1, 0.25)
_SECRET = "zadarma-of-this-run"
_CHANNEL = """channels:
  calls: {kind: zadarma, title: Calls, settings: {secret: "${ZADARMA_SECRET}", time_zone: Europe/London}}
"""
_STARTED = "2026-01-15 11:40:00"
_LINE = "442079460958"
WAYS = (
    "identified on the bus",
    "shown to an onlooker",
    "floor: the same bytes, stored",
    "floor: the same bytes, not stored",
)
Heard = dict[str, float]


class Caller:
    """Tells the hub of calls over one kept connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ring(self, call: str, phone: str) -> float:
        """One call begins to ring; when that was handed over (monotonic seconds)."""
        request = _notification(call, phone)
        begun = time.monotonic()
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head.splitlines()[0], head
        return begun


def _notification(call: str, phone: str) -> bytes:
    """As the vendor signs it: the digest in hex, and that in Base64."""
    digest = hmac.new(_SECRET.encode(), f"{phone}{_LINE}{_STARTED}".encode(), hashlib.sha1).hexdigest()
    said = {"event": "NOTIFY_START", "call_start": _STARTED, "pbx_call_id": call}
    body = urlencode({**said, "caller_id": phone, "called_did": _LINE}).encode()
    head = (
        "POST /in/calls HTTP/1.1\r\nhost: hub\r\ncontent-type: application/x-www-form-urlencoded\r\n"
        f"signature: {base64.b64encode(digest.encode()).decode()}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Floor:
    """Publish and subscribe with nothing between; stored means in a stream on disk, with its PubAck."""

    def __init__(self, bus: Bus, subject: str) -> None:
        self._bus = bus
        self._subject = subject
        self._came = asyncio.Event()

    @classmethod
    async def laid(cls, bus: Bus, subject: str, *, stored: bool) -> "Floor":
        """Ready to be measured."""
        floor = cls(bus, subject)
        await bus.nc.subscribe(subject, cb=floor._on_message)
        if stored:
            await bus.js.add_stream(name=subject.upper(), subjects=[subject])
        return floor

    async def _on_message(self, _message: Msg) -> None:
        self._came.set()

    async def once(self, body: bytes, *, stored: bool) -> float:
        """Seconds until the subscriber has it."""
        self._came.clear()
        begun = time.monotonic()
        if stored:
            await self._bus.js.publish(self._subject, body)
        else:
            await self._bus.nc.publish(self._subject, body)
        await self._came.wait()
        return time.monotonic() - begun


async def measure(hub: Hub, bus: Bus, calls: int, contacts: int) -> dict[str, list[float]]:
    """Seconds by way, one for each call. After each call come the same bytes over the floors."""
    told, shown, bodies = Heard(), Heard(), list[bytes]()

    async def on_identified(message: Msg) -> None:
        now, data = time.monotonic(), json.loads(message.data)["data"]
        assert data["known"], "a stored contact is known"
        told[data["external_id"]] = now
        bodies.append(message.data)

    await bus.nc.subscribe(f"{CallIdentified.TYPE}.*", cb=on_identified)
    kept = await Floor.laid(bus, "floorkept", stored=True)
    passing = await Floor.laid(bus, "floor", stored=False)
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    dice = random.Random(1)
    async with _onlooker(hub, shown):
        caller = Caller(*await asyncio.open_connection("127.0.0.1", hub.http_port))
        for number in range(_WARM_UP + calls):
            call = f"in_{number:08d}"
            begun = await caller.ring(call, f"4475{1 + number * 37 % contacts:08d}")
            await _heard(call, told, shown)
            took = [told[call] - begun, shown[call] - begun]
            await asyncio.sleep(dice.uniform(*_PAUSE))
            took += [await kept.once(bodies[-1], stored=True), await passing.once(bodies[-1], stored=False)]
            for way, seconds in zip(WAYS, took, strict=True):
                found[way].append(seconds)
    return {way: seconds[_WARM_UP:] for way, seconds in found.items()}


async def _heard(call: str, *everywhere: Heard) -> None:
    await until(lambda: all(call in heard for heard in everywhere), 10, every=0.002)


@asynccontextmanager
async def _onlooker(hub: Hub, shown: Heard) -> AsyncIterator[None]:
    """Reads the live calls, and notes when each call was there."""
    opened = asyncio.Event()

    async def look() -> None:
        headers = {"Authorization": f"Bearer {hub.token}"}
        async with (
            httpx.AsyncClient(headers=headers, timeout=None) as client,
            client.stream("GET", f"{hub.url}/api/leads/calls/live") as answer,
        ):
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                opened.set()
                if line.startswith('data: {"'):
                    shown.setdefault(json.loads(line[6:])["external_id"], time.monotonic())

    looking = asyncio.create_task(look())
    try:
        await until(lambda: opened.is_set() or looking.done(), 10)
        yield
    finally:
        looking.cancel()
        await asyncio.wait([looking])


async def run(calls: int, contacts: int) -> bool:
    """Prints percentiles in milliseconds; whether the slowest of a hundred is fast enough."""
    with a_hub(None, ZADARMA_SECRET=_SECRET) as hub:
        await hub.start()
        await hub.command("apply", str(_definitions(hub.home.parent)))
        await store(f"postgresql://postgres@/leadwire?host={hub.home}/run&port=5432", 1, contacts)
        bus = await Bus.connect(hub.bus, seed_path=hub.home / "secrets" / "hub.nk")
        found = await measure(hub, bus, calls, contacts)
        await bus.close()
    print(f"{calls} calls, one at a time, {contacts:,} contacts stored: milliseconds from the webhook")
    for way, seconds in found.items():
        middle, late = (1000 * percentile(seconds, share) for share in (0.5, 0.99))
        print(f"  {way:34} p50 {middle:6.1f}  p99 {late:6.1f}  most {1000 * max(seconds):6.1f}")
    return percentile(found["identified on the bus"], 0.99) <= MOST_SECONDS


def _definitions(folder: Path) -> Path:
    """The example with one more channel."""
    made = folder / "definitions"
    made.mkdir()
    for file in EXAMPLE.rglob("*.*"):
        copy = made / file.relative_to(EXAMPLE)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(file.read_bytes())
    (made / "calls.yaml").write_text(_CHANNEL)
    return made
