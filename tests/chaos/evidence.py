"""What a run leaves behind for whoever wants to know why it went wrong: every table, every stream."""

import json
import shutil
from pathlib import Path

import asyncpg
from nats.js import JetStreamContext

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
            if stream.config.name and stream.state.messages:
                await _keep_stream(js, stream.config.name, stream.state.last_seq, folder)
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


async def _keep_stream(js: JetStreamContext, stream: str, last: int, folder: Path) -> None:
    subscription = await js.subscribe("", stream=stream, ordered_consumer=True)
    try:
        with (folder / f"{stream}.jsonl").open("w", encoding="utf-8") as file:
            seq = 0
            while seq < last:
                message = await subscription.next_msg(timeout=10)
                seq = message.metadata.sequence.stream
                body = message.data.decode(errors="replace")
                line = {"seq": seq, "subject": message.subject, "headers": message.headers, "body": body}
                file.write(json.dumps(line) + "\n")
    finally:
        await subscription.unsubscribe()
