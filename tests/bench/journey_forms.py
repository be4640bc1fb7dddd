"""Forms that people fill in, each by somebody else, as the inlet keeps them on the bus."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from services.connectors.domain import delivery_id
from services.runtime.bus import Bus

STREAM = "INTAKE"
CHANNEL = "main-site"
SUBJECT = f"intake.{CHANNEL}"
_AT_ONCE = 250
_COURSES = ("English B1", "English B2", "Spanish A1", "French for work")
_TEXTS = ("When is the next group?", "How much is it?", "I would like a trial lesson.", "Call me please.")


@dataclass(frozen=True, slots=True)
class Form:
    """One delivery; what `publish_batch` takes."""

    subject: str
    body: bytes
    headers: dict[str, str]


def body(number: int) -> bytes:
    """What the browser of person `number` sends."""
    fields = {
        "your-name": f"Person {number}",
        "tel": f"+44 7{700_000_000 + number}",
        "your-email": f"person{number}@people.example",
        "question": _TEXTS[number % len(_TEXTS)],
        "course": _COURSES[number % len(_COURSES)],
    }
    return urlencode(fields).encode()


def form(number: int) -> Form:
    """The delivery as it lies in the stream."""
    content = body(number)
    headers = {
        "Nats-Msg-Id": delivery_id(CHANNEL, content),
        "Leadwire-Kind": "form",
        "Leadwire-Received": datetime.now(UTC).isoformat(),
        "Leadwire-Method": "POST",
        "Leadwire-Query": "",
        "In-content-type": "application/x-www-form-urlencoded",
    }
    return Form(SUBJECT, content, headers)


async def publish_all(bus: Bus, people: range) -> None:
    """Store their deliveries, many on their way at a time."""
    for start in range(0, len(people), _AT_ONCE):
        forms = [form(number) for number in people[start : start + _AT_ONCE]]
        await asyncio.gather(*(bus.publish(STREAM, one.subject, one.body, one.headers) for one in forms))


async def publish_paced(bus: Bus, people: range, rate: float) -> list[float]:
    """Store them at so many a second, each by itself; when each was accepted, seconds since the epoch."""
    accepted = [0.0] * len(people)
    begun = time.perf_counter()

    async def one(place: int) -> None:
        ready = form(people[place])
        await bus.publish(STREAM, ready.subject, ready.body, ready.headers)
        accepted[place] = time.time()

    async with asyncio.TaskGroup() as tasks:
        for place in range(len(people)):
            await asyncio.sleep(max(0.0, begun + place / rate - time.perf_counter()))
            tasks.create_task(one(place))
    return accepted
