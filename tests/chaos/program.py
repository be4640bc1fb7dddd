"""A service as a process of its own: as it is deployed, or with a guard taken out.

Guards are taken out here and nowhere else: nothing in a service can be told to work without them.
"""

import asyncio
import importlib
import os
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

import services.connectors.app
import services.connectors.handlers
import services.deals.app
import services.hub.__main__
import services.hub.app
import services.leads.app
import services.notifications.app
import services.runtime.command_consumer
import services.runtime.web
from services.connectors.store import raw
from services.connectors.usecases import read_raw
from services.hub import topology
from services.runtime.host import main as run_service
from services.runtime.inbox import NoInbox
from services.runtime.received import RawMessage
from services.runtime.streams import StreamSpec
from tests.chaos.orders import STORED_AS, STORED_AT, Orders
from tests.proof.weakened import Unfenced

# What is loaded here is inherited by every process.
for _name in ("uvloop", "httptools", "pydantic.v1", "uvicorn.lifespan.off"):
    importlib.import_module(_name)


def main(orders: Orders) -> None:
    """The process."""
    _move_in(orders)
    _weaken(orders.off)
    if orders.replay:
        _believe_stamps()
    if orders.program == "hub":
        _shorten_memory(orders.dedupe_seconds)
        services.hub.__main__.main()
    else:
        run_service(importlib.import_module(f"services.{orders.program}.app").build)


def _move_in(orders: Orders) -> None:
    os.environ.clear()
    os.environ.update(orders.environment)
    log = os.open(orders.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)


def _weaken(off: frozenset[str]) -> None:
    if "inbox" in off:
        _replace("services.runtime.reader.Inbox", NoInbox)
        _replace("services.runtime.commands.Inbox", NoInbox)
    if "fence" in off:
        _replace("services.runtime.reader.Positions", Unfenced)
    if off & {"fence", "lease"}:
        # The lease would hide the fence: it keeps the second reader idle.
        _replace("services.runtime.reader.Reader._leased", _at_once)


def _replace(name: str, other: object) -> None:
    """For the life of this process."""
    mock.patch(name, other).start()


async def _at_once(_self: object, _connection: object, stopping: asyncio.Event) -> bool:
    return not stopping.is_set()


def _shorten_memory(seconds: float) -> None:
    """Let the bus forget ids soon, so that what is published twice arrives twice."""
    as_deployed = topology.specs

    def forgetful(*args: Any, **kwargs: Any) -> list[Any]:
        window = timedelta(seconds=seconds)
        return [
            replace(spec, duplicate_window=window) if isinstance(spec, StreamSpec) else spec
            for spec in as_deployed(*args, **kwargs)
        ]

    _replace("services.hub.topology.specs", forgetful)


def _believe_stamps() -> None:
    """What is replayed counts as stored when, and under the id that, it was stored the first time."""
    partners, own = read_raw.partner_stored, raw.stored_delivery

    def stamped_partners(message: RawMessage, partner: str, rules: Any) -> Any:
        return partners(_as_it_was(message), partner, rules)

    def stamped_own(message: RawMessage) -> Any:
        return own(_as_it_was(message))

    _replace("services.connectors.handlers.partner_stored", stamped_partners)
    _replace("services.connectors.handlers.stored_delivery", stamped_own)


def _as_it_was(message: RawMessage) -> RawMessage:
    headers, stamp = dict(message.headers), message.headers[STORED_AT]
    if id := headers.get(STORED_AS):
        headers["Nats-Msg-Id"] = id
    return replace(message, headers=headers, stored_at=datetime.fromisoformat(stamp))
