"""A vendor for every test, and connectors at work with channels that lead to it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.envelope import Envelope, decode
from contracts.sending import SendMessage
from services.connectors.app import build
from services.connectors.settings import ConnectorsSettings
from services.runtime.bus import Bus
from tests.connectors.running import activate
from tests.connectors.sending.vendor import Vendor, vendor
from tests.support.hosts import Hosts, RunningHost
from tests.support.wait import until

SECRETS = {"SECRET": "s3cr3t", "TOKEN": "7:abc", "VERIFY": "v3rify"}


def channels(url: str) -> dict[str, Any]:
    """A bot, and a WhatsApp number."""
    told: dict[str, Any] = {"token": "${TOKEN}", "api_url": url}
    chat = {**told, "app_secret": "${SECRET}", "verify_token": "${VERIFY}", "phone_number_id": "10001"}
    return {
        "bot": {"kind": "telegram", "settings": {**told, "secret": "${SECRET}"}},
        "slow": {"kind": "telegram", "settings": {**told, "secret": "${SECRET}"}},
        "chat": {"kind": "whatsapp", "settings": chat},
        "deaf": {"kind": "telegram", "settings": {"secret": "${SECRET}"}},
    }


@dataclass
class Sender:
    """Connectors at work, and its vendor."""

    hosts: Hosts
    vendor: Vendor
    running: RunningHost
    ids: list[UUID] = field(default_factory=list)

    async def send(self, channel: str, to: str, text: str, **more: Any) -> UUID:
        """The command to send a text, on the bus."""
        message_id = more.pop("message_id", None) or uuid4()
        wish = SendMessage(message_id=message_id, channel=channel, to=to, text=text, **more)
        await self.running.publish(wish)
        return wish.message_id

    async def row(self, message_id: UUID) -> dict[str, Any]:
        """The message as it is kept; empty until it is."""
        row = await self.running.host.database.pool.fetchrow(
            "SELECT * FROM sends WHERE message_id = $1", message_id
        )
        return dict(row) if row else {}

    async def settled(self, message_id: UUID, within: float = 10) -> dict[str, Any]:
        """The message, once it is neither queued nor under way."""

        async def over() -> dict[str, Any]:
            row = await self.row(message_id)
            return row if row.get("state") in ("sent", "failed", "unknown") else {}

        return await until(over, within=within, why="the message is settled")

    async def receipts(self, message_id: UUID, count: int = 1, within: float = 10) -> list[Envelope]:
        """What was told of a message on the bus, once it is so much."""

        async def enough() -> list[Envelope]:
            found = [
                one for one in await facts(self.running.bus) if one.data.get("message_id") == str(message_id)
            ]
            return found if len(found) >= count else []

        return await until(enough, within=within, why=f"{count} receipts")

    async def replica(self, **more: Any) -> RunningHost:
        """One more process."""
        return await self.hosts.start(program(**more))


def program(**more: Any) -> Any:
    """Connectors with a free port for mail."""
    return build(ConnectorsSettings(smtp_inlet_port=0, **more), secrets=SECRETS)


async def facts(bus: Bus) -> list[Envelope]:
    """What connectors told, in order."""
    state = (await bus.js.stream_info("CRM_CONNECTORS")).state
    kept = range(state.first_seq, state.last_seq + 1) if state.messages else ()
    found = [await bus.js.get_msg("CRM_CONNECTORS", seq) for seq in kept]
    return [decode(message.data or b"") for message in found]


Start = Callable[..., Awaitable[Sender]]


@pytest.fixture
async def start(hosts: Hosts) -> AsyncIterator[Start]:
    """`await start()`: connectors and its vendor."""
    async with vendor() as one:

        async def started(**more: Any) -> Sender:
            running = await hosts.start(program(**more))
            await activate(running.bus, channels(one.url))
            assert running.host.definitions
            definitions = running.host.definitions
            await until(lambda: "bot" in definitions.current.channels)
            return Sender(hosts, one, running)

        yield started
