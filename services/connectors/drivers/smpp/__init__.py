"""SMPP: bound to an SMS centre, every message is on disk in the bus before it is acknowledged."""

import asyncio
import secrets as randomness

from services.connectors.drivers.inlet import Inlet, Unreachable
from services.connectors.drivers.smpp.carrying import Carrier
from services.connectors.drivers.smpp.keeping import Keeping
from services.connectors.drivers.smpp.session import Session
from services.connectors.drivers.wire import connected
from services.connectors.reading.smpp import pdus

_ANSWER_SECONDS = 10.0
_WHY = {
    0x05: "the account is bound already: end the other program, or wait until the centre has seen it go",
    0x0D: "the account may not bind like this: check `bind`, and the address that the centre expects us from",
    0x0E: "the password is wrong: check `password`",
    0x0F: "there is no such account: check `system_id`",
    0x53: "the system_type is wrong: check `system_type`",
}


async def drive(inlet: Inlet) -> None:
    """Bind and take what comes until cancelled. Raises Unreachable."""
    settings = inlet.channel.settings
    keeping = Keeping(inlet, randomness.token_hex(8))
    async with connected(settings, "hex") as wire:
        session = Session(wire, keeping.take)
        tasks = [asyncio.create_task(_bind(inlet, session)), asyncio.create_task(session.listen())]
        try:
            await _until_first(tasks)
            inlet.state("bound")
            tasks[0] = asyncio.create_task(keeping.run(session))
            if settings.text("bind") == "transceiver" and settings.text("sender"):
                inlet.carriers.come(inlet.channel.name, Carrier(session, settings).carry)
            tasks.append(asyncio.create_task(_watch(session, keeping, settings.number("enquire") or 30)))
            await _until_first(tasks)
        finally:
            inlet.carriers.go(inlet.channel.name)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await session.leave()


async def _until_first(tasks: "list[asyncio.Task[None]]") -> None:
    """Return when the first of these is done, and raise what it raised."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _bind(inlet: Inlet, session: Session) -> None:
    settings = inlet.channel.settings
    command = pdus.BIND_RECEIVER if settings.text("bind") == "receiver" else pdus.BIND_TRANSCEIVER
    named = (settings.text("system_id"), inlet.secret("password"), settings.text("system_type"))
    try:
        answer = await session.ask(
            command, pdus.bind_body(*named, settings.text("address_range")), _ANSWER_SECONDS
        )
    except TimeoutError:
        raise Unreachable("the centre does not answer the bind: is it the right port?") from None
    status = pdus.header_of(answer).status
    if status != pdus.OK:
        raise Unreachable(_WHY.get(status, f"the centre refused the bind with status 0x{status:08X}"))


async def _watch(session: Session, keeping: Keeping, idle: float) -> None:
    """Ask now and then whether the centre is there; its answer shows that it read all we had said before."""
    while True:
        said = keeping.acknowledged
        try:
            await session.ask(pdus.ENQUIRE_LINK, b"", _ANSWER_SECONDS)
        except TimeoutError:
            raise Unreachable("the centre no longer answers") from None
        await keeping.proven(said)
        await asyncio.sleep(idle)
