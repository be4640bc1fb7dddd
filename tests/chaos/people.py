"""People and outside systems at the four inlets. Nobody counts a delivery as accepted before it is."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import nats
import nats.errors
from nats.aio.client import Client

from tests.chaos import wire
from tests.chaos.bus import BusAddress
from tests.chaos.plan import Touch

_PATIENCE = 12.0
_PAUSE = (0.1, 0.6)
_AT_ONCE = 64
_SCHOOL = "hello@school.example"


@dataclass(frozen=True)
class Inlets:
    """Where they are."""

    http_port: int
    smtp_port: int
    partner: BusAddress
    telegram_secret: str


@dataclass
class Sent:
    """What became of a touch, as its sender knows it."""

    touch: Touch
    accepted: int = 0
    failed: int = 0


@dataclass
class People:
    """All senders of a plan."""

    inlets: Inlets
    chance: random.Random
    sent: list[Sent] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def live(self, touches: list[Touch]) -> None:
        """Send everything at its time, again and again until it is accepted."""
        begun = asyncio.get_running_loop().time()
        self.partner = await _partner(self.inlets.partner)
        try:
            async with asyncio.TaskGroup() as group:
                for touch in touches:
                    record = Sent(touch)
                    self.sent.append(record)
                    group.create_task(self._insist(record, begun + touch.at))
        finally:
            with suppress(nats.errors.Error, OSError):
                await self.partner.close()

    async def _insist(self, record: Sent, at: float) -> None:
        await asyncio.sleep(max(0.0, at - asyncio.get_running_loop().time()))
        while not await self._once(record):
            if record.touch.impatient:
                return
            await asyncio.sleep(self.chance.uniform(*_PAUSE) * 2 ** min(record.failed, 4))
        for pause in record.touch.again_after:
            await asyncio.sleep(pause)
            await self._once(record)

    async def _once(self, record: Sent) -> bool:
        way = {"form": self._fill_in, "chat": self._chat, "mail": self._mail, "portal": self._publish}
        async with self.turns:
            answer = await way[record.touch.channel](record.touch)
        self.answers[f"{record.touch.channel} {answer}"] += 1
        accepted = answer in ("200", "250", "PubAck")
        record.accepted += accepted
        record.failed += not accepted
        return accepted

    async def _fill_in(self, touch: Touch) -> str:
        fields = {"your-name": f"Person {touch.person}", "question": words(touch), "course": "B1"}
        fields |= {"your-email": touch.address} if touch.email else {}
        fields |= {"tel": touch.telephone} if touch.phone else {}
        return await self._post("main-site", "x-www-form-urlencoded", urlencode(fields).encode())

    async def _chat(self, touch: Touch) -> str:
        who = {"id": touch.chat, "first_name": f"Person {touch.person}"}
        said: dict[str, Any] = {"text": words(touch)}
        if touch.phone:
            said = {"contact": {"phone_number": touch.telephone, "user_id": touch.chat}}
        message = {
            "message_id": touch.number,
            "date": 1767225600,
            "from": {**who, "is_bot": False},
            "chat": {**who, "type": "private"},
            **said,
        }
        secret = {"X-Telegram-Bot-Api-Secret-Token": self.inlets.telegram_secret}
        update = {"update_id": 100_000 + touch.number, "message": message}
        return await self._post("sales-bot", "json", json.dumps(update).encode(), secret)

    async def _post(self, channel: str, kind: str, body: bytes, more: Mapping[str, str] | None = None) -> str:
        headers = {"Content-Type": f"application/{kind}", **(more or {})}
        return await wire.post(self.inlets.http_port, f"/in/{channel}", headers, body, _PATIENCE)

    async def _mail(self, touch: Touch) -> str:
        lines = [
            f"From: Person {touch.person} <{touch.address}>",
            f"To: {_SCHOOL}",
            f"Message-ID: <{touch.number}@people.test>",
            "Subject: Lessons",
            "",
            words(touch),
        ]
        mail = "\r\n".join(lines).encode()
        return await wire.hand_over(self.inlets.smtp_port, touch.address, _SCHOOL, mail, _PATIENCE)

    async def _publish(self, touch: Touch) -> str:
        student = {"name": f"Person {touch.person}"}
        student |= {"email": touch.address} if touch.email else {}
        student |= {"phone": touch.telephone} if touch.phone else {}
        data = {"student": student, "course": {"title": "B2"}, "message": words(touch)}
        event = {"specversion": "1.0", "id": f"{touch.number}", "source": "/portal", "type": "enquiry"}
        body = json.dumps({**event, "data": data}).encode()
        try:
            answer = await self.partner.request("ingress.partner", body, timeout=4)
            return "PubAck" if "seq" in json.loads(answer.data) else "refused"
        except (nats.errors.Error, OSError, TimeoutError) as error:
            return type(error).__name__


def words(touch: Touch) -> str:
    """What they say; its number is how it is known again."""
    return f"Do you teach in the evening? Enquiry {touch.number}."


async def _partner(where: BusAddress) -> Client:
    async def hush(_error: Exception) -> None:
        return

    return await where.connect(
        max_reconnect_attempts=-1, reconnect_time_wait=0.2, connect_timeout=5, error_cb=hush
    )
