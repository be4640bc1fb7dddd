import asyncio
import time
from datetime import UTC, datetime
from typing import ClassVar

from contracts.contract import Command
from services.runtime import outbox
from services.runtime.bus import Bus
from services.runtime.cause import new_cause
from services.runtime.clock import SystemClock
from services.runtime.command_consumer import CommandConsumer
from services.runtime.commands import *
from services.runtime.database import Database
from services.runtime.provision import *


class Ring(Command):
    TYPE: ClassVar[str] = "do.bell.ring.v1"
    OWNER: ClassVar[str] = "bell"
    n: int

    def key(self):
        return f"k{self.n % 7}"


async def send(bus, n, eid=None):
    o = outbox.seal(
        Ring(n=n), event_id=eid or f"{n}-{time.time()}", source="t", now=datetime.now(UTC), cause=new_cause()
    )
    await bus.publish("COMMANDS", o.subject, o.body, o.headers)


import services.runtime.command_consumer as cc


async def test_hot(nats_account, database_dsn, until):
    cc._LOOK_SECONDS = 1000
    bus = await Bus.connect(nats_account.url)
    await provision(bus, [commands_stream(), commands_consumer("bell")])
    db = await Database.connect(database_dsn, "floor")
    c = Commands()
    got = {}

    @c.on(Ring)
    async def h(cmd, work):
        got[cmd.data.n] = time.perf_counter()

    cons = CommandConsumer(bus, CommandRunner(db, "bell", c, SystemClock(), lambda w: None))
    st = asyncio.Event()
    t = asyncio.create_task(cons.run(st))
    await asyncio.sleep(0.5)
    await bus.js.delete_consumer("COMMANDS", "bell-commands")
    c0 = time.process_time()
    n0 = bus.nc.stats["out_msgs"]
    await asyncio.sleep(5)
    print(
        "cpu in 5s after durable deleted:", time.process_time() - c0, bus.nc.stats["out_msgs"] - n0, t.done()
    )
    await bus.close()
    await db.close()
