"""What people can read of a driver, from any replica."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from services.connectors.definitions import compile
from services.connectors.domain.exchange import Answer
from services.connectors.drivers.driving import Drivers
from services.connectors.drivers.inlet import Unreachable
from services.connectors.drivers.standing import DriverView, standing, why_of
from services.connectors.reading.rawhttp import Request
from services.connectors.sending.carrier import Carriers
from services.runtime.bus import Bus
from services.runtime.clock import SystemClock
from services.runtime.slots import Slot
from services.runtime.streams import INLETS_BUCKET
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


async def test_a_channel_that_only_its_second_listener_drives_is_not_nobodys(bus: Bus) -> None:
    rules = compile({"channels": {"pbx": {"kind": "asterisk_ami", "settings": {
        "host": "127.0.0.1", "user": "hub", "secret": "${S}"}}}}, {"S": "x"})  # fmt: skip
    await Slot(bus, INLETS_BUCKET, "beside.pbx").write(b'{"holder": "7-b", "state": "connected"}', 0)
    view = (await standing(bus, rules.channels.values()))["pbx"]
    assert (view.state, view.holder) == ("connected", "7-b")


def test_why_a_driver_ended_names_no_file_and_nothing_that_was_not_meant_for_people() -> None:
    assert why_of(Unreachable("check `host`")) == "check `host`"
    missing = why_of(FileNotFoundError(2, "No such file or directory", "/home/anna/leads.csv"))
    assert missing == "it broke off (No such file or directory); it is tried again"
    assert "ConnectionResetError" in why_of(ConnectionResetError("Connection lost by anna"))
    assert "anna" not in why_of(ConnectionResetError("Connection lost by anna"))
    assert why_of(ValueError("anna")) == "it failed (ValueError): see the log of connectors"
