"""Questions between services: `ask.<service>.<question>.v1`, request and reply in JSON on the bus.

A queue group shares them out over replicas. A failure is answered as `{"error": ...}`.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

import nats.errors
import structlog
from nats.aio.msg import Msg

from services.runtime import journal, parked, timers
from services.runtime.definitions import DefinitionErrors, as_rows
from services.runtime.patience import wait_any

if TYPE_CHECKING:
    from services.runtime.host import Host

log = structlog.get_logger()
Question: TypeAlias = Callable[[dict[str, Any], "Host"], Awaitable[Mapping[str, Any]]]
_AT_ONCE = 8
_MOST_ENTRIES = 1_000


def subject(service: str, question: str) -> str:
    """Where a question is asked."""
    return f"ask.{service}.{question}.v1"


class Questions:
    """Answers the questions to one service, a few at a time."""

    def __init__(self, host: "Host", own: Mapping[str, Question]) -> None:
        self._host = host
        self._answers: dict[str, Question] = {"stage": stage, "trace": trace, **own}
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Answer until told to stop; what was begun is finished."""
        name = self._host.name
        subscription = await self._host.bus.nc.subscribe(f"ask.{name}.>", queue=name, cb=self._asked)
        try:
            await wait_any(stopping)
        finally:
            # Drained, not dropped: the server may have sent questions here that nobody else will get.
            with suppress(nats.errors.Error):
                await subscription.drain()  # type: ignore[no-untyped-call]
            await asyncio.gather(*self._under_way)

    async def _asked(self, message: Msg) -> None:
        task = asyncio.create_task(self._answer(message))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _answer(self, message: Msg) -> None:
        async with self._room:
            said = await self._said(message)
        if not message.reply:
            return
        with suppress(nats.errors.Error):
            await self._host.bus.nc.publish(message.reply, json.dumps(said, default=_plain).encode())

    async def _said(self, message: Msg) -> Mapping[str, Any]:
        question = message.subject.removeprefix(f"ask.{self._host.name}.").removesuffix(".v1")
        answer = self._answers.get(question)
        if answer is None:
            return {"error": f"{self._host.name} has no answer to {question}"}
        try:
            payload = json.loads(message.data or b"{}")
            if not isinstance(payload, dict):
                return {"error": "a question is a JSON object"}
            return await answer(payload, self._host)
        except Exception as error:
            log.warning(
                "question.failed", service=self._host.name, question=question, error=repr(error)[:200]
            )
            return {"error": f"{type(error).__name__} while answering {question}"}


def _plain(value: Any) -> str:
    return str(value.isoformat() if hasattr(value, "isoformat") else value)


async def stage(payload: dict[str, Any], host: "Host") -> dict[str, Any]:
    """{"version", "part"} -> {"accepted", "errors": [{"path", "message", "remedy"}]}."""
    if host.definitions is None:
        return {"error": f"{host.name} has no definitions"}
    try:
        await host.definitions.stage(host.bus, str(payload["version"]), payload["part"])
    except DefinitionErrors as mistakes:
        return {"accepted": False, "errors": as_rows(mistakes.errors)}
    return {"accepted": True, "errors": []}


async def trace(payload: dict[str, Any], host: "Host") -> dict[str, Any]:
    """{"resolve": names} -> {"names", "correlations"};

    {"correlations"} -> {"entries", "parked", "timers"}, each with its service.
    """
    if "resolve" in payload:
        return await _resolve([str(name) for name in payload["resolve"]], host)
    return await _collect([str(one) for one in payload["correlations"]], host)


async def _resolve(asked: list[str], host: "Host") -> dict[str, Any]:
    """The other names these go by here, and the enquiries in which any of them occurs."""
    names = set(asked)
    async with host.database.pool.acquire() as connection:
        if host.program.resolve:
            for name in asked:
                names |= await host.program.resolve(connection, name)
        found = await journal.correlations_of(connection, names)
        # What never got as far as the journal is known by its event alone.
        found |= await parked.correlations_of(connection, names)
    return {"names": sorted(names), "correlations": sorted(found)}


async def _collect(correlations: list[str], host: "Host") -> dict[str, Any]:
    async with host.database.pool.acquire() as connection:
        found = {
            "entries": (await journal.entries(connection, correlations))[-_MOST_ENTRIES:],
            "parked": await parked.of_correlations(connection, correlations),
            "timers": await timers.waiting(connection, correlations),
        }
    return {kind: [{"service": host.name, **row} for row in rows] for kind, rows in found.items()}
