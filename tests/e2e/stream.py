"""A stream of forms, each by another person, and the list of those that were answered with success."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx


@dataclass
class Stream:
    """Who was told that the enquiry is safe; how many attempts ended in which way."""

    url: str
    accepted: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)

    async def send(self, client: httpx.AsyncClient, n: int) -> None:
        address = f"person{n}@stream.test"
        try:
            answer = await client.post(
                f"{self.url}/in/main-site", data={"your-name": "Sam", "your-email": address}
            )
        except httpx.TransportError as error:
            self.answers[type(error).__name__] += 1
            return
        self.answers[str(answer.status_code)] += 1
        if answer.status_code == 200:
            self.accepted.append(address)


@asynccontextmanager
async def forms(url: str, per_second: float = 10) -> AsyncIterator[Stream]:
    """Send forms until the block ends, then wait for the answers that are under way."""
    stream = Stream(url)
    ending = asyncio.Event()

    async def send_all() -> None:
        async with httpx.AsyncClient(timeout=30) as client, asyncio.TaskGroup() as group:
            n = 0
            while not ending.is_set():
                group.create_task(stream.send(client, n))
                n += 1
                await asyncio.sleep(1 / per_second)

    sending = asyncio.create_task(send_all())
    try:
        yield stream
    finally:
        ending.set()
        await sending
