"""Forms in an open loop: one leaves at each beat, whether those before it were answered or not."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field

_PATIENCE_SECONDS = 60.0
_MOST_CONNECTIONS = 1_000


@dataclass(frozen=True, slots=True)
class Answer:
    """One form. `at` is when it was due (monotonic); `seconds` count from then, so waiting in line
    counts. Status 0: the connection failed.
    """

    number: int
    at: float
    seconds: float
    status: int


class _Exchange(asyncio.Protocol):
    """One kept HTTP/1.1 connection, one request at a time: cheap, for the load shares the machine."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if found and len(body) >= _length(head):
            status = int(head[9:12])
            self._received = b""
            self._settle(status)

    def connection_lost(self, _error: Exception | None) -> None:
        self.transport = None
        self._settle(0)

    def _settle(self, status: int) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(status)

    async def ask(self, request: bytes) -> int:
        """The status; 0 when the connection ends first."""
        if self.transport is None:
            return 0
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self._answer


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def address_of(number: int) -> str:
    """Whom form `number` is from."""
    return f"person{number}@steady.test"


def _form(number: int) -> bytes:
    body = f"your-name=Sam+{number}&your-email=person{number}%40steady.test&question=Evening+groups"
    return (
        "POST /in/main-site HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


@dataclass
class Forms:
    """Forms to one inlet, each by another person, and every answer. `sent` counts those begun."""

    port: int
    answers: list[Answer] = field(default_factory=list)
    sent: int = 0
    _idle: deque[_Exchange] = field(default_factory=deque)
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_MOST_CONNECTIONS))

    async def send(self, per_second: float, seconds: float) -> list[Answer]:
        """Send at that rate for so long, then wait for what is under way; these forms' answers."""
        known, begun = len(self.answers), time.monotonic()
        async with asyncio.TaskGroup() as group:
            for beat in range(int(per_second * seconds)):
                due = begun + beat / per_second
                if (early := due - time.monotonic()) > 0:
                    await asyncio.sleep(early)
                group.create_task(self._one(due))
        return self.answers[known:]

    async def burst(self, count: int, at_once: int) -> float:
        """Send `count` forms, `at_once` at any time; the seconds until the last answer."""
        begun, left = time.monotonic(), iter(range(count))

        async def work() -> None:
            for _ in left:
                await self._one(time.monotonic())

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(work())
        return time.monotonic() - begun

    async def _one(self, due: float) -> None:
        number, self.sent = self.sent, self.sent + 1
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                status = await self._exchanged(_form(number))
        except (OSError, TimeoutError):
            status = 0
        self.answers.append(Answer(number, due, time.monotonic() - due, status))

    async def _exchanged(self, request: bytes) -> int:
        async with self._room:
            exchange = await self._free()
            status = await exchange.ask(request)
            if exchange.transport is not None:
                self._idle.append(exchange)
            return status

    async def _free(self) -> _Exchange:
        while self._idle:
            if (exchange := self._idle.pop()).transport is not None:
                return exchange
        _, made = await asyncio.get_running_loop().create_connection(_Exchange, "127.0.0.1", self.port)
        return made

    def close(self) -> None:
        """Hang up."""
        while self._idle:
            if transport := self._idle.pop().transport:
                transport.close()

    @property
    def accepted(self) -> set[str]:
        """The people who were told that their enquiry is safe."""
        return {address_of(one.number) for one in self.answers if one.status == 200}

    @property
    def refused(self) -> list[Answer]:
        """Whatever was not accepted."""
        return [one for one in self.answers if one.status != 200]
