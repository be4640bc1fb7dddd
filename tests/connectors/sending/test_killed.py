"""The process is killed with SIGKILL while a vendor's answer is outstanding; another one takes over."""

from asyncio.subprocess import Process
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import uuid4

import asyncpg

from contracts.sending import SendMessage
from services.hub.topology import specs
from services.runtime.bus import Bus
from services.runtime.cause import new_cause
from services.runtime.clock import SystemClock
from services.runtime.outbox import seal
from services.runtime.provision import provision
from tests.connectors.running import activate
from tests.connectors.sending.conftest import facts
from tests.connectors.sending.vendor import SILENCE, vendor
from tests.support.accounts import NatsAccount
from tests.support.processes import service_process
from tests.support.wait import until


def channels(url: str) -> dict[str, Any]:
    """A bot, whose vendor takes a repeat for another message, and a community, whose vendor does not."""
    common = {"api_url": url, "secret": "${SECRET}", "token": "${TOKEN}"}
    community = {**common, "group_id": "1", "confirmation": "c"}
    return {"bot": {"kind": "telegram", "settings": common}, "vk": {"kind": "vk", "settings": community}}


def process(account: NatsAccount, dsn: str) -> AbstractAsyncContextManager[Process]:
    """Connectors as a process of their own."""
    told = {
        "LEADWIRE_NATS_URL": account.url,
        "LEADWIRE_DATABASE_URL": dsn,
        "LEADWIRE_PORT": "0",
        "LEADWIRE_SMTP_INLET_PORT": "0",
        "SECRET": "s3cr3t",
        "TOKEN": "7:abc",
    }
    return service_process("connectors", told)


async def wish(bus: Bus, channel: str) -> str:
    """The command to send a text; the id of the message."""
    message = SendMessage(message_id=uuid4(), channel=channel, to="7001", text=f"through {channel}")
    cause = new_cause()
    sealed = seal(message, event_id=cause.id, source="test", now=SystemClock().now(), cause=cause)
    await bus.publish(sealed.stream, sealed.subject, sealed.body, sealed.headers)
    return str(message.message_id)


async def test_what_was_on_its_way_is_repeated_only_where_the_vendor_knows_it_again(
    nats_account: NatsAccount, database_dsn: str
) -> None:
    bus = await Bus.connect(nats_account.url)
    database = await asyncpg.connect(database_dsn, server_settings={"search_path": "connectors"})
    try:
        async with vendor() as one:
            await provision(bus, specs())
            await activate(bus, channels(one.url))
            one.script.extend([SILENCE, SILENCE])
            async with process(nats_account, database_dsn) as first:
                ids = {name: await wish(bus, name) for name in ("bot", "vk")}
                await until(lambda: len(one.asked) == 2, within=30)
                first.kill()
                await first.wait()
            assert await database.fetchval("SELECT count(*) FROM sends WHERE state = 'sending'") == 2
            # Nobody else may touch them before their lease has ended.
            await database.execute("UPDATE sends SET lease_until = now()")
            async with process(nats_account, database_dsn):
                told = await until(lambda: _receipts(bus), within=30, why="a receipt of each")
            assert told == {ids["bot"]: "crm.receipts.unknown.v1", ids["vk"]: "crm.receipts.sent.v1"}
            through = [asked.said for asked in one.asked if "/method/" in asked.path]
            assert sorted(one.texts) == ["through bot", "through vk", "through vk"]
            assert len({asked["random_id"] for asked in through}) == 1
    finally:
        await database.close()
        await bus.close()


async def _receipts(bus: Bus) -> dict[str, str]:
    """What was told of each message, once it was of both."""
    found = {str(one.data["message_id"]): one.type for one in await facts(bus)}
    return found if len(found) == 2 else {}
