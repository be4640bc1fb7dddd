"""What people can read of a driver, from any replica."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from services.connectors.definitions import compile
from services.connectors.domain.exchange import Answer
from services.connectors.drivers.driving import Drivers
from services.connectors.drivers.standing import DriverView, standing
from services.connectors.reading.rawhttp import Request
from services.connectors.sending.carrier import Carriers
from services.runtime.bus import Bus
from services.runtime.clock import SystemClock
from tests.connectors.drivers.vendor import vendor
from tests.support.wait import until


async def test_a_driver_in_trouble_says_why_and_says_so_no_more_when_it_works(bus: Bus) -> None:
    conflict = True
    stopping = asyncio.Event()

    async def answer(request: Request) -> Answer:
        if conflict:
            return Answer(409)
        if "offset" in request.query:
            await stopping.wait()
        return Answer(200, {}, b'{"ok":true,"result":[{"update_id":1}]}')

    async with vendor(answer) as server:
        polled = {"receive": "poll", "token": "${T}", "api_url": server.url}
        closed = {"receive": "poll", "token": "${NONE}"}
        channels = {name: {"kind": "telegram", "settings": each} for name, each in
                    (("bot", polled), ("shut", closed))}  # fmt: skip
        rules = compile({"channels": channels}, {"T": "123:AA"})
        host = SimpleNamespace(bus=bus, clock=SystemClock(), stopping=stopping, definitions=None)
        running = asyncio.create_task(Drivers(lambda: rules, Carriers()).run(cast(Any, host)))

        async def bot() -> DriverView:
            return (await standing(bus, rules.channels.values()))["bot"]

        async def troubled() -> bool:
            return "deleteWebhook" in (await bot()).trouble

        async def connected() -> bool:
            return (await bot()).state == "connected"

        await until(troubled)
        conflict = False
        await until(connected)
        assert (await bot()).trouble == ""
        assert (await bot()).holder
        assert (await standing(bus, rules.channels.values()))["shut"].state == "closed"
        stopping.set()
        await running
        assert (await bot()).holder == ""
