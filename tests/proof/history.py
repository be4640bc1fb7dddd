"""Runs one history: publishes, breaks things, redrives meanwhile, lets all settle, and judges."""

import asyncio
import random
import time
from contextlib import suppress

import asyncpg

from services.runtime.bus import Bus
from services.runtime.clock import SystemClock
from services.runtime.database import Database, is_transient
from services.runtime.redrive import Redrive
from tests.proof.judge import Verdict, judge
from tests.proof.model import floor_facts
from tests.proof.plan import Fault, Plan
from tests.proof.weakened import UnlockedRedrive
from tests.proof.world import World, stage
from tests.support.faults import PrivateEngines

_HOPELESS = ("garbage",)


async def run(engines: PrivateEngines, plan: Plan) -> Verdict:
    """Live through a plan; what came of it."""
    settings = plan.settings
    name = f"history_{plan.seed}_{time.monotonic_ns()}"
    async with stage(engines, name, settings.off, settings.dedupe_seconds, settings.slow) as world:
        driver = Driver(world, plan)
        await driver.live()
        settled = await driver.settle()
        return await judge(world, driver.discarded, settled)


class Driver:
    """The outside of the two services: who publishes, and who works the list of parked facts."""

    def __init__(self, world: World, plan: Plan) -> None:
        self.world = world
        self.plan = plan
        self.chance = random.Random(plan.seed + 1)
        self.ailments = {sending.fact.event_id: sending.ailment for sending in plan.sendings}
        self.discarded: set[str] = set()
        self.begun = time.monotonic()

    async def live(self) -> None:
        """Publish and break things, while somebody redrives."""
        meddling = asyncio.create_task(self._meddle())
        try:
            await asyncio.gather(self._publish(), self._break_things())
        finally:
            meddling.cancel()
            with suppress(asyncio.CancelledError):
                await meddling

    async def _until(self, at: float) -> None:
        await asyncio.sleep(max(0.0, self.begun + at - time.monotonic()))

    async def _publish(self) -> None:
        bus = await Bus.connect(self.world.nats_url)
        for sending in self.plan.sendings:
            await self._until(sending.at)
            fact = sending.fact
            await bus.publish(fact.stream, fact.subject, fact.body, fact.headers, timeout=30)
        await bus.close()

    async def _break_things(self) -> None:
        for fault in self.plan.faults:
            await self._until(fault.at)
            await self._break(fault)

    async def _break(self, fault: Fault) -> None:
        world = self.world
        match fault.kind:
            case "kill":
                world.kill(fault.place)
            case "pause":
                world.pause(fault.place)
                await asyncio.sleep(1 + 3 * fault.amount)
                world.resume(fault.place)
            case "nats":
                await world.kill_nats()
            case "postgres":
                await world.kill_postgres()
            case "cut":
                world.nats_proxy.cut()
            case "cut-mid":
                way = "up" if fault.place else "down"
                world.nats_proxy.cut_after(int(20_000 * fault.amount), way)  # type: ignore[arg-type]
            case "cut-database":
                world.postgres_proxy.cut_after(int(20_000 * fault.amount))

    async def _meddle(self) -> None:
        """Cure, redrive and discard at random while later events arrive."""
        while True:
            try:
                await self._work_the_list(share=0.5)
            except Exception as error:
                if not is_transient(error):
                    raise
            await asyncio.sleep(0.05)

    async def _work_the_list(self, share: float) -> int:
        """Deal with some of what is parked and not just waiting behind; how much there was."""
        database = await Database.connect(self.world.dsn, "floor", size=2)
        try:
            rows = await database.pool.fetch(
                "SELECT id, event_id FROM parked WHERE recovery <> 'behind' ORDER BY id"
            )
            redrive = self._redrive(database)
            for row in rows:
                if self.chance.random() < share:
                    await self._deal_with(redrive, row["id"], row["event_id"])
            return len(rows)
        finally:
            await database.close()

    def _redrive(self, database: Database) -> Redrive:
        kind = UnlockedRedrive if "redrive-lock" in self.world.off else Redrive
        facts = {"CRM_FLOOR": floor_facts()}
        return kind(database, "floor", facts, SystemClock(), asyncio.Event(), lambda work: None)

    async def _deal_with(self, redrive: Redrive, row_id: int, event_id: str) -> None:
        try:
            if self.ailments.get(event_id) in _HOPELESS:
                # Believed discarded before it is known: an answer lost on the way changes nothing.
                self.discarded.add(event_id)
                await redrive.discard(row_id)
            else:
                await redrive.database.pool.execute(
                    "INSERT INTO cures VALUES ($1) ON CONFLICT DO NOTHING", event_id
                )
                await redrive.redrive(row_id)
        except Exception as error:
            if not is_transient(error) and not isinstance(error, asyncpg.UniqueViolationError):
                raise

    async def settle(self) -> str:
        """Bring all to an end; what is still open, in words, once nothing has moved for too long."""
        for place in range(len(self.world.workers)):
            self.world.resume(place)
        patience = self.plan.settings.patience
        begun = moved = time.monotonic()
        left, before = "never looked", ""
        # A slow machine gets more time as long as it gets on.
        while left and time.monotonic() - moved < patience and time.monotonic() - begun < 4 * patience:
            left, before = await self._left(), left
            if left != before:
                moved = time.monotonic()
            await asyncio.sleep(0.05)
        return left

    async def _left(self) -> str:
        await self._work_the_list(share=1.0)
        connection = await asyncpg.connect(self.world.dsn)
        bus = await Bus.connect(self.world.nats_url)
        try:
            return await _open_ends(connection, bus)
        finally:
            await connection.close()
            await bus.close()


async def _open_ends(connection: "asyncpg.Connection[asyncpg.Record]", bus: Bus) -> str:
    """What is not at its end. Each look holds only after the one before it: what is read may be parked or
    written to the outbox, and what is published is to be read by the next.
    """
    for schema, stream in (("floor", "CRM_FLOOR"), ("echo", "CRM_ECHO")):
        last = (await bus.js.stream_info(stream)).state.last_seq
        position = await connection.fetchval(f"SELECT max(seq) FROM {schema}.positions")
        if (position or 0) < last:
            return f"{schema} stands at {position} of {last}"
        for what, query in (
            ("parked", "SELECT count(*) FROM {}.parked"),
            ("unpublished", "SELECT count(*) FROM {}.outbox WHERE published_at IS NULL"),
        ):
            if count := await connection.fetchval(query.format(schema)):
                return f"{count} {what} in {schema}"
    return ""
