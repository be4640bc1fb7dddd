"""Waits until nothing is under way any more: what stands open is told in words."""

import asyncio
import time

import asyncpg
import nats
import nats.errors
from nats.js import JetStreamContext

from tests.chaos.bus import BusAddress

SCHEMAS = ("connectors", "leads", "deals", "notifications")
_OPEN = (
    ("outbox", "SELECT count(*) FROM {}.outbox WHERE published_at IS NULL"),
    ("parked", "SELECT count(*) FROM {}.parked WHERE recovery = 'retry'"),
)
_MAIL = "SELECT count(*) FROM notifications.messages WHERE state IN ('queued', 'sending')"
_RAW = "SELECT count(*) FROM connectors.deliveries WHERE verdict = 'waiting'"


async def settle(dsn: str, where: BusAddress, patience: float) -> str:
    """Return once all is at its end twice in a row; what is still open after `patience` seconds, or ''."""
    deadline, quiet, left = time.monotonic() + patience, 0, "never looked"
    while quiet < 2 and time.monotonic() < deadline:
        try:
            left = await _look(dsn, where)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, nats.errors.Error) as error:
            left = f"{type(error).__name__}: {error}"
        quiet = 0 if left else quiet + 1
        await asyncio.sleep(0.25)
    return left


async def _look(dsn: str, where: BusAddress) -> str:
    connection = await asyncpg.connect(dsn, timeout=5)
    try:
        bus = await where.connect(connect_timeout=3, allow_reconnect=False)
        try:
            return await _open_ends(connection, bus.jetstream(timeout=3))
        finally:
            await bus.close()
    finally:
        await connection.close()


async def _open_ends(connection: "asyncpg.Connection[asyncpg.Record]", js: JetStreamContext) -> str:
    """In the order of the way, so that what moves on while we look is seen further down."""
    for schema in SCHEMAS:
        for row in await connection.fetch(f"SELECT stream, seq FROM {schema}.positions"):
            if row["stream"] != "COMMANDS":
                last = (await js.stream_info(row["stream"])).state.last_seq
                if row["seq"] < last:
                    return f"{schema} stands at {row['seq']} of {last} in {row['stream']}"
        for what, query in _OPEN:
            if count := await connection.fetchval(query.format(schema)):
                return f"{count} {what} in {schema}"
    if waiting := (await js.stream_info("COMMANDS")).state.messages:
        return f"{waiting} commands"
    for what, query in (("letters", _MAIL), ("deliveries", _RAW)):
        if count := await connection.fetchval(query):
            return f"{count} {what}"
    return ""
