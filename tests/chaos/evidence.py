"""What a run leaves behind for whoever wants to know why it went wrong: every table, every stream."""

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import asyncpg
from nats.js import JetStreamContext
from nats.js.api import RetentionPolicy, StreamInfo
from nats.js.errors import NotFoundError

from tests.chaos.replay import Raw, read_all
from tests.chaos.settle import SCHEMAS
from tests.chaos.world import LOGS, World

_TABLES = "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema = ANY($1)"


async def keep_evidence(here: World) -> Path:
    """Write it all down, in place of the last run's; where it is."""
    folder = LOGS / "evidence"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    await _keep_tables(here.dsn, folder)
    connection = await here.bus.connect()
    try:
        js = connection.jetstream()
        for stream in await js.streams_info():
            if stream.state.messages:
                await keep_stream(js, stream, folder)
    finally:
        await connection.close()
    return folder


async def _keep_tables(dsn: str, folder: Path) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for schema, table in await connection.fetch(_TABLES, list(SCHEMAS)):
            place = folder / f"{schema}.{table}.csv"
            await connection.copy_from_table(
                table, schema_name=schema, output=place, format="csv", header=True
            )
    finally:
        await connection.close()


async def keep_stream(js: JetStreamContext, info: StreamInfo, folder: Path) -> None:
    """One line of JSON for each message it holds."""
    name = info.config.name or ""
    queue = info.config.retention == RetentionPolicy.WORK_QUEUE
    with (folder / f"{name}.jsonl").open("w", encoding="utf-8") as file:
        async for seq, message in _queued(js, info) if queue else read_all(js, name):
            told = {"seq": seq, "subject": message.subject, "headers": message.headers}
            file.write(json.dumps({**told, "body": message.body.decode(errors="replace")}) + "\n")


async def _queued(js: JetStreamContext, info: StreamInfo) -> AsyncIterator[tuple[int, Raw]]:
    """What waits in a queue: nothing but its workers may read it, so each is asked for by its number."""
    name = info.config.name or ""
    for seq in range(info.state.first_seq, info.state.last_seq + 1):
        with suppress(NotFoundError):
            found = await js.get_msg(name, seq)
            yield seq, Raw(name, seq, found.subject or "", found.headers or {}, found.data or b"")
