"""All four inlets and the APIs in use, and what was answered."""

import asyncio
import itertools
import smtplib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import nats
import nats.errors

from tests.compose.stack import Stack
from tests.e2e import people

FAMILY = "traffic.test"
FIRST_CHATTER = 9_000_000
_APIS = (
    f"/api/leads/contacts?identity=nobody@{FAMILY}",
    "/api/deals/deals",
    "/api/notifications/enrolments",
    "/api/hub/mailbox",
)
_MAIL_TRIES = 8


@dataclass
class Traffic:
    """Who was told that their enquiry is safe, by address or number, and how every request ended."""

    accepted: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    suppressed: list[str] = field(default_factory=list)
    mail_tries: Counter[int] = field(default_factory=Counter)

    @property
    def failed(self) -> dict[str, int]:
        """What was not answered with success."""
        return {said: count for said, count in self.answers.items() if not said.endswith((" 200", " 201"))}


class Senders:
    """One method for each way in. `n` tells one person from another."""

    def __init__(self, hub: Stack, traffic: Traffic, client: httpx.AsyncClient) -> None:
        self._hub = hub
        self._traffic = traffic
        self._client = client

    async def form(self, n: int) -> None:
        address = f"form{n}@{FAMILY}"
        answer = await people.fill_in(self._hub, {"your-name": "Sam", "your-email": address}, self._client)
        self._count("form", answer, address)

    async def chat(self, n: int) -> None:
        user = FIRST_CHATTER + n
        answer = await people.chat(self._hub, "Any evening groups?", user=user, message=user)
        self._count("chat", answer, str(user))

    async def mail(self, n: int) -> None:
        """As a mail server does: told to come again, it comes again."""
        address = f"mail{n}@{FAMILY}"
        for tries in range(1, _MAIL_TRIES + 1):
            try:
                await people.write_mail(self._hub, address, "Hello", message_id=f"{n}@{FAMILY}")
            except (smtplib.SMTPException, OSError):
                await asyncio.sleep(0.5)
                continue
            self._traffic.mail_tries[tries] += 1
            self._traffic.answers["mail 200"] += 1
            self._traffic.accepted.append(address)
            return
        self._traffic.answers["mail refused"] += 1

    async def event(self, n: int) -> None:
        address = f"event{n}@{FAMILY}"
        try:
            await people.publish(self._hub, f"e{n}", {"student": {"name": "Max", "email": address}})
        except (nats.errors.Error, OSError, AssertionError) as error:
            self._traffic.answers[f"event {type(error).__name__}"] += 1
            return
        self._traffic.answers["event 200"] += 1
        self._traffic.accepted.append(address)

    async def look(self, n: int) -> None:
        path = _APIS[n % len(_APIS)]
        self._count(f"GET {path}", await self._client.get(self._hub.url + path, headers=self._rights()))

    async def suppress(self, n: int) -> None:
        """A request that no proxy may repeat on its own."""
        address = f"no{n}@{FAMILY}"
        answer = await self._client.post(
            f"{self._hub.url}/api/notifications/suppressions",
            json={"address": address},
            headers=self._rights(),
        )
        self._count("POST suppressions", answer)
        if answer.is_success:
            self._traffic.suppressed.append(address)

    def _rights(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._hub.token}"}

    def _count(self, what: str, answer: httpx.Response, who: str = "") -> None:
        self._traffic.answers[f"{what} {answer.status_code}"] += 1
        if who and answer.status_code == 200:
            self._traffic.accepted.append(who)


@asynccontextmanager
async def traffic(hub: Stack, rates: dict[str, float]) -> AsyncIterator[Traffic]:
    """Every way in, so many times a second, until the block ends; then wait for what is under way."""
    seen = Traffic()
    ending = asyncio.Event()
    async with httpx.AsyncClient(timeout=60) as client, asyncio.TaskGroup() as group:
        senders = Senders(hub, seen, client)
        for name, rate in rates.items():
            group.create_task(_repeat(getattr(senders, name), name, rate, seen, ending))
        try:
            yield seen
        finally:
            ending.set()


async def _repeat(
    send: Callable[[int], Awaitable[None]], name: str, rate: float, seen: Traffic, ending: asyncio.Event
) -> None:
    async def one(n: int) -> None:
        try:
            await send(n)
        except httpx.TransportError as error:
            seen.answers[f"{name} {type(error).__name__}"] += 1

    async with asyncio.TaskGroup() as group:
        for n in itertools.count():
            if ending.is_set():
                return
            group.create_task(one(n))
            await asyncio.sleep(1 / rate)
