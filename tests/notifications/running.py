"""The whole service on real engines: settings for a test, and definitions made active on the bus."""

import json
from typing import Any
from uuid import UUID

from pydantic import SecretStr

from contracts.contract import Contract
from contracts.envelope import Envelope, decode
from services.notifications.settings import NotificationsSettings
from services.runtime.bus import Bus
from services.runtime.streams import DEFINITIONS_BUCKET
from tests.notifications.samples import PART
from tests.support.hosts import RunningHost


def settings(smtp_port: int, **more: Any) -> NotificationsSettings:
    """Settings that hand letters over at this port."""
    given: dict[str, Any] = {
        "smtp_port": smtp_port,
        "unsubscribe_secret": SecretStr("a secret for these tests"),
        "public_url": "https://crm.school.example",
        **more,
    }
    return NotificationsSettings(**given)


async def activate(bus: Bus, version: str = "v1", part: dict[str, Any] | None = None) -> None:
    """Make one set of definitions the active one."""
    bucket = await bus.kv(DEFINITIONS_BUCKET)
    await bucket.put(f"parts.{version}.notifications", json.dumps(part or PART).encode())
    await bucket.put("active", json.dumps({"version": version}).encode())


async def told(bus: Bus, contract: type[Contract]) -> list[Envelope]:
    """The facts of this kind that notifications has published, in order."""
    info = await bus.js.stream_info("CRM_NOTIFICATIONS")
    found: list[Envelope] = []
    if info.state.messages == 0:
        return found
    for seq in range(info.state.first_seq, info.state.last_seq + 1):
        message = await bus.js.get_msg("CRM_NOTIFICATIONS", seq)
        envelope = decode(message.data or b"")
        if envelope.type == contract.TYPE:
            found.append(envelope)
    return found


async def value(host: RunningHost, sql: str, *arguments: Any) -> Any:
    """The one value that a query gives."""
    return await host.host.database.pool.fetchval(sql, *arguments)


async def message_of(host: RunningHost, contact_id: UUID) -> Any:
    """The row of a contact's first message."""
    return await host.host.database.pool.fetchrow(
        "SELECT * FROM messages WHERE contact_id = $1 ORDER BY position LIMIT 1", contact_id
    )
