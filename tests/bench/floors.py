"""What the engines and the mail protocol give at best to a client that does nothing else."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from email.message import EmailMessage
from itertools import count

import aiosmtplib
import asyncpg
import nats
from nats.js import JetStreamContext

from tests.bench.contender import Contender, Measured, Stage
from tests.bench.load import form
from tests.bench.rows import Row, repeated
from tests.bench.sink import Sink, sink

PUBLISH, INSERT, MAIL = "NATS publish", "PostgreSQL insert", "SMTP"
_ROWS, _CONNECTIONS, _LETTERS = 200, 4, 8
_STREAM = "FLOOR"


class Floors:
    """The part."""

    name = "floors"
    title = "Raw floors"

    @asynccontextmanager
    async def contenders(self, stage: Stage) -> AsyncIterator[Sequence[Contender]]:
        async with AsyncExitStack() as stack:
            yield [
                await stack.enter_async_context(publishing(stage)),
                await stack.enter_async_context(_inserting(stage)),
                await stack.enter_async_context(_mailing()),
            ]

    def verdicts(self, rates: Mapping[str, float]) -> Sequence[str]:
        return []


@asynccontextmanager
async def publishing(stage: Stage) -> AsyncIterator[Contender]:
    """nats-py, one message and one acknowledgement each, as many under way as the load has connections."""
    client = await nats.connect(stage.engines.account(1).url)
    try:
        stream = client.jetstream()
        await stream.add_stream(name=_STREAM, subjects=["floor.>"])
        numbers = count()

        async def work(seconds: float) -> Measured:
            async def once(_worker: int) -> None:
                await _publish(stream, next(numbers))

            return await repeated(once, stage.concurrency, seconds)

        yield Row(PUBLISH, "messages", work, families={"nats": [stage.engines.nats.pid]})
    finally:
        await client.close()


async def _publish(stream: JetStreamContext, number: int) -> None:
    await stream.publish("floor.form", form("0", number))


@asynccontextmanager
async def _inserting(stage: Stage) -> AsyncIterator[Contender]:
    """asyncpg, so many rows a transaction, over a few connections."""
    dsn = stage.engines.dsn("postgres")
    numbers = count()
    async with asyncpg.create_pool(dsn, min_size=_CONNECTIONS, max_size=_CONNECTIONS) as pool:
        await pool.execute("CREATE TABLE floor (id bigint PRIMARY KEY, body bytea NOT NULL)")

        async def once(_worker: int) -> None:
            ids = [next(numbers) for _ in range(_ROWS)]
            bodies = [form("0", number) for number in ids]
            await pool.execute(
                "INSERT INTO floor SELECT * FROM unnest($1::bigint[], $2::bytea[])", ids, bodies
            )

        async def work(seconds: float) -> Measured:
            return await repeated(once, _CONNECTIONS, seconds, each=_ROWS)

        yield Row(INSERT, "rows", work, families={"postgres": _postmaster(stage)})


def _postmaster(stage: Stage) -> list[int]:
    child = stage.engines.postgres.child
    return [child.pid] if child else []


@asynccontextmanager
async def _mailing() -> AsyncIterator[Contender]:
    """aiosmtplib over kept connections to a sink in a process of its own."""
    async with sink() as taking, AsyncExitStack() as stack:
        connections = [await stack.enter_async_context(_connection(taking)) for _ in range(_LETTERS)]

        async def once(worker: int) -> None:
            await connections[worker].send_message(_letter())

        async def work(seconds: float) -> Measured:
            return await repeated(once, _LETTERS, seconds)

        yield Row(MAIL, "letters", work, families={"sink": [taking.pid]})


def _connection(to: Sink) -> aiosmtplib.SMTP:
    return aiosmtplib.SMTP(hostname="127.0.0.1", port=to.port, start_tls=False, timeout=20)


def _letter() -> EmailMessage:
    letter = EmailMessage()
    letter["From"], letter["To"] = "school@example.com", "anna@example.com"
    letter["Subject"] = "Your evening course"
    letter.set_content("Thank you for asking. We will write to you today.\n" * 10)
    return letter


PART = Floors()
