"""Programs on the harness."""

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from contracts.contract import Command, Fact, Standing
from services.runtime.commands import Commands
from services.runtime.facts import Facts
from services.runtime.host import Program
from services.runtime.streams import facts_stream
from tests.support.hosts import Hosts, RunningHost
from tests.support.wait import until

MakeHost = Callable[..., Awaitable[RunningHost]]


class Rang(Fact):
    TYPE: ClassVar[str] = "crm.chimes.rang.v1"
    OWNER: ClassVar[str] = "belfry"
    STANDING: ClassVar[Standing] = "change"

    bell: str

    def key(self) -> str:
        return self.bell


class Ring(Command):
    TYPE: ClassVar[str] = "do.belfry.ring.v1"
    OWNER: ClassVar[str] = "belfry"

    bell: str

    def key(self) -> str:
        return self.bell


def belfry(heard: list[str]) -> Program:
    """Rings when told to, and hears it."""
    facts, commands = Facts("CRM_BELFRY"), Commands()

    @facts.on(Rang)
    async def on_rang(fact: Any, work: Any) -> None:
        heard.append(fact.data.bell)

    @commands.on(Ring)
    async def on_ring(command: Any, work: Any) -> None:
        work.emit(Rang(bell=command.data.bell))

    streams = [facts_stream("belfry", ["chimes"])]
    return Program(name="belfry", facts=[facts], commands=commands, streams=streams)


async def test_a_program_works_off_what_is_published(make_host: MakeHost) -> None:
    heard: list[str] = []
    running = await make_host(belfry(heard))
    await running.publish(Rang(bell="one"))
    await running.publish(Ring(bell="two"))
    await until(lambda: sorted(heard) == ["one", "two"])


async def test_its_http_knows_who_has_which_role(make_host: MakeHost) -> None:
    running = await make_host(belfry([]))
    async with running.client() as nobody, running.client("operator") as operator:
        assert (await nobody.get("/livez")).status_code == 200
        assert (await nobody.get("/api/belfry/dead")).status_code == 401
        assert (await operator.get("/api/belfry/dead")).status_code == 200


async def test_a_stopped_program_goes_on_where_it_was(hosts: Hosts) -> None:
    first: list[str] = []
    running = await hosts.start(belfry(first))
    await running.publish(Rang(bell="one"))
    await until(lambda: first == ["one"])
    await hosts.stop(running)
    await running.publish(Rang(bell="two"))
    second: list[str] = []
    await hosts.start(belfry(second))
    await until(lambda: second == ["two"])
