"""Kills whoever reads a mailbox, again and again while mail arrives: every mail is there, once."""

import argparse
import asyncio
import imaplib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from nats.js.api import RawStreamMsg

from contracts.envelope import decode
from services.hub.topology import specs
from services.runtime.bus import Bus
from services.runtime.provision import provision
from services.runtime.slots import Slot
from services.runtime.streams import INLETS_BUCKET
from tests.chaos.drivers.ami import Process
from tests.connectors.drivers.mailbox_stage import definition, mail
from tests.connectors.running import activate
from tests.support import databases
from tests.support.faults import private_engines
from tests.support.mailboxes import PASSWORD, USER, MailServer, dovecot, pymap
from tests.support.ports import free_ports
from tests.support.wait import until

CHANNEL = "letters"
# Before and after each kill so many mails must have been stored.
_FLOWING = 10
# What a killed process had under way may still be written for a moment.
_LAST_BREATH = 0.3
_AT_ONCE = 200
_SERVERS = {"pymap": pymap, "dovecot": dovecot}
Told = Callable[[], Awaitable[list[tuple[str, float]]]]


@dataclass
class Ledger:
    """What was put into the mailbox, and when somebody was killed."""

    put: int = 0
    kills: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Verdict:
    """What became of it; fail-over in seconds from a kill to the next mail on the bus."""

    put: int
    missing: int
    twice: int
    failovers: list[float]

    def __bool__(self) -> bool:
        return self.missing == 0 and self.twice == 0 and max(self.failovers) < 10

    def __str__(self) -> str:
        return (
            f"{len(self.failovers)} kills of the leader, {self.put} mails: {self.missing} missing,"
            f" {self.twice} twice; fail-over median {median(self.failovers):.1f} s,"
            f" longest {max(self.failovers):.1f} s"
        )


def letters(server: MailServer, ledger: Ledger, rate: float, over: asyncio.Event) -> None:
    """Let mails arrive until it is over; for a thread of its own."""
    client = imaplib.IMAP4(server.host, server.port, timeout=20)
    client.login(USER, PASSWORD)
    while not over.is_set():
        client.append("INBOX", "", time.time(), mail(ledger.put + 1))
        ledger.put += 1
        time.sleep(1 / rate)
    client.logout()


async def kill_again_and_again(
    server: MailServer, bus: Bus, replicas: Sequence[Process], kills: int, told: Told, rate: float = 25.0
) -> Verdict:
    """The whole. `told` gives the subjects that came through, and when they were on the bus."""
    ledger, over = Ledger(), asyncio.Event()
    for one in replicas:
        await one.start()
    await until(lambda: _has_looked(bus), within=60, why="a driver that has its place")
    flow = asyncio.ensure_future(asyncio.to_thread(letters, server, ledger, rate, over))
    try:
        for _ in range(kills):
            await _more(bus)
            victim = await _leader(bus, replicas)
            ledger.kills.append(time.time())
            await victim.kill()
            await victim.start()
            await _more(bus, since=ledger.kills[-1] + _LAST_BREATH)
            print(f"kill {len(ledger.kills)} of {kills}, {ledger.put} mails", file=sys.stderr)
    finally:
        over.set()
        await flow
    return await _judge(ledger, told, bus)


async def stored(bus: Bus) -> list[tuple[str, float]]:
    """The subjects of the mails on the bus, and when they were written there."""
    return [(_subject(one.data or b""), _moment(one)) for one in await _messages(bus, "INTAKE")]


async def facts(bus: Bus) -> list[tuple[str, float]]:
    """The titles of the interactions that were published, and when."""
    found = await _messages(bus, "CRM_CONNECTORS")
    return [(decode(one.data or b"").data.get("title", ""), _moment(one)) for one in found]


async def _messages(bus: Bus, stream: str) -> list[RawStreamMsg]:
    last = (await bus.js.stream_info(stream)).state.last_seq
    found: list[RawStreamMsg] = []
    for start in range(1, last + 1, _AT_ONCE):
        wanted = range(start, min(start + _AT_ONCE, last + 1))
        found += await asyncio.gather(*(bus.js.get_msg(stream, seq) for seq in wanted))
    return found


def _moment(message: RawStreamMsg) -> float:
    return message.time.timestamp() if message.time else 0.0


def _subject(body: bytes) -> str:
    return body.partition(b"Subject: ")[2].partition(b"\r\n")[0].decode()


async def _has_looked(bus: Bus) -> bool:
    return b'"uid"' in ((await Slot(bus, INLETS_BUCKET, f"cursor.{CHANNEL}").read())[0] or b"")


async def _more(bus: Bus, since: float = 0.0) -> None:
    """Wait until mail flows, after a moment if one is given."""
    if since:
        await until(lambda: _last_at(bus, since), within=60, why="mail after a kill")
    before = (await bus.js.stream_info("INTAKE")).state.last_seq

    async def flowing() -> bool:
        return (await bus.js.stream_info("INTAKE")).state.last_seq > before + _FLOWING

    await until(flowing, within=60, why="mail")


async def _last_at(bus: Bus, since: float) -> bool:
    last = (await bus.js.stream_info("INTAKE")).state.last_seq
    return _moment(await bus.js.get_msg("INTAKE", last)) > since


async def _leader(bus: Bus, replicas: Sequence[Process]) -> Process:
    async def living() -> Process | None:
        value, _ = await Slot(bus, INLETS_BUCKET, f"leader.{CHANNEL}").read()
        pid = int(json.loads(value)["holder"].partition("-")[0]) if value else 0
        return next((one for one in replicas if one.pid == pid), None)

    found = await until(living, within=60, why="the leader")
    assert found
    return found


async def _judge(ledger: Ledger, told: Told, bus: Bus) -> Verdict:
    with suppress(AssertionError):  # what is missing is told
        await until(lambda: _is_all(told, ledger.put), within=30, every=1)
    times = Counter(subject for subject, _ in await told())
    wanted = {f"Lesson {number + 1}" for number in range(ledger.put)}
    moments = sorted(at for _, at in await stored(bus))
    after = [next(at for at in moments if at > killed + _LAST_BREATH) - killed for killed in ledger.kills]
    return Verdict(
        ledger.put,
        len(wanted - times.keys()),
        sum(count > 1 for count in times.values()),
        after,
    )


async def _is_all(told: Told, count: int) -> bool:
    return len(await told()) >= count


@dataclass
class Service:
    """Connectors as it is deployed, as one of several replicas."""

    environment: dict[str, str]
    _process: asyncio.subprocess.Process | None = field(default=None, repr=False)

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    async def start(self) -> None:
        """Run it; returns at once."""
        ports = dict(zip(("LEADWIRE_PORT", "LEADWIRE_SMTP_INLET_PORT"), map(str, free_ports(2)), strict=True))
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.connectors",
            env={**self.environment, **ports},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )

    async def kill(self) -> None:
        """SIGKILL; it is gone when this returns."""
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def deployed(channels: dict[str, Any]) -> AsyncIterator[tuple[Bus, list[Service]]]:
    """A bus, and two replicas that are not started yet, on engines of their own."""
    async with private_engines() as engines, databases.fresh(engines, ["connectors"]) as dsn:
        bus = await Bus.connect(engines.account().url)
        await provision(bus, specs(()))
        await activate(bus, channels)
        told = {name: value for name, value in os.environ.items() if not name.startswith("LEADWIRE_")}
        told |= {"LEADWIRE_NATS_URL": engines.account().url, "LEADWIRE_DATABASE_URL": dsn}
        services = [Service({**told, "IMAP_PASSWORD": PASSWORD}) for _ in range(2)]
        try:
            yield bus, services
        finally:
            for service in services:
                await service.kill()
            await bus.close()


async def _run(kills: int, rate: float, server: MailServer) -> tuple[Verdict, int]:
    async with deployed({CHANNEL: definition(server.port)}) as (bus, services):
        verdict = await kill_again_and_again(server, bus, services, kills, lambda: facts(bus), rate)
        return verdict, (await bus.js.stream_info("INTAKE")).state.last_seq


def main(arguments: Sequence[str]) -> int:
    """The command."""
    known = argparse.ArgumentParser(prog="python -m tests.chaos.drivers imap", description=__doc__)
    known.add_argument("--kills", type=int, default=20, help="SIGKILLs in all")
    known.add_argument("--rate", type=float, default=25.0, help="mails a second")
    known.add_argument("--server", choices=_SERVERS, default="pymap", help="who holds the mailbox")
    given = known.parse_args(arguments)
    with _SERVERS[given.server]() as server:
        verdict, deliveries = asyncio.run(_run(given.kills, given.rate, server))
    print(f"{given.server}: {verdict}; {deliveries} deliveries on the bus")
    return 0 if verdict else 1
