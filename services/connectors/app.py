"""Puts connectors together."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog

from services.connectors.api import api
from services.connectors.definitions import compile
from services.connectors.definitions.channel import Rules
from services.connectors.drivers.driving import Drivers
from services.connectors.files.api import files_api
from services.connectors.files.fetching import Fetching
from services.connectors.files.places import place_of
from services.connectors.handlers import commands, own_reader, partner_readers
from services.connectors.inlets import lmtp
from services.connectors.inlets.http import inlet
from services.connectors.inlets.smtp import serve
from services.connectors.sending.carrier import Carriers
from services.connectors.sending.dispatch import Dispatch
from services.connectors.sending.routes import Desk
from services.connectors.settings import ConnectorsSettings
from services.connectors.store import sends
from services.connectors.store.interactions import other_names
from services.connectors.usecases.fetch_bodies import fetch_bodies
from services.connectors.usecases.forget_calls import forgetting
from services.connectors.usecases.read_raw import CurrentRules
from services.runtime.clock import Clock, SystemClock
from services.runtime.definitions import Definitions
from services.runtime.host import Program
from services.runtime.patience import wait_any
from services.runtime.streams import ingress_stream

if TYPE_CHECKING:
    from fastapi import APIRouter

    from services.runtime.database import Connection
    from services.runtime.host import Host

log = structlog.get_logger()
_SOON, _LATER, _LOOKS = 0.2, 5.0, 10


def build(
    settings: ConnectorsSettings | None = None,
    *,
    clock: Clock = SystemClock(),
    secrets: Mapping[str, str] | None = None,
    smtp_started: Callable[[int], None] = lambda port: None,
) -> Program:
    """The program; without settings they come from the environment.

    `secrets` gives values to `${NAME}` in definitions instead of the environment. `smtp_started` is
    told the port of the SMTP inlet, which a setting of 0 leaves to the system.
    """
    settings = settings or ConnectorsSettings()
    definitions: Definitions[Rules] = Definitions("connectors", partial(compile, secrets=secrets))
    large = asyncio.Event()
    carriers = Carriers()

    def rules() -> Rules:
        return definitions.current

    dispatch, desk = sending(settings, rules, carriers)
    return Program(
        name="connectors",
        facts=[own_reader(definitions, large)],
        varying=partner_readers(definitions, settings.partners, large),
        commands=commands(definitions, desk.wake, desk.patience),
        definitions=definitions,
        loops={
            **listening(settings, rules, smtp_started),
            "large_bodies": fetching(rules, large),
            "drivers": Drivers(rules, carriers, settings.folder_root).run,
            "sending": dispatch.run,
            "files": Fetching(settings, rules).run,
        },
        api=lambda host: routes(host, settings, rules, desk),
        inlet=lambda host: inlet(host, settings, rules),
        resolve=known_names,
        streams=[ingress_stream(partner) for partner in settings.partners],
        forget=forgetting(settings.keep_calls_days, settings.keep_intake_days),
    )


def sending(settings: ConnectorsSettings, rules: CurrentRules, carriers: Carriers) -> tuple[Dispatch, Desk]:
    """What sends messages, and where they are taken in."""
    dispatch = Dispatch(rules, carriers, uuid.uuid4(), timeout=settings.send_timeout)
    return dispatch, Desk(dispatch.wake.set, timedelta(hours=settings.send_patience_hours))


def listening(
    settings: ConnectorsSettings, rules: CurrentRules, smtp_started: Callable[[int], None]
) -> dict[str, Callable[["Host"], Awaitable[None]]]:
    """The loops that take mail in."""

    async def listen_for_mail(host: "Host") -> None:
        await serve(host, settings, rules, smtp_started)

    async def listen_for_local_mail(host: "Host") -> None:
        await lmtp.serve(host, settings, rules)

    local = {"lmtp": listen_for_local_mail} if lmtp.wanted(settings) else {}
    return {"smtp": listen_for_mail, **local}


def routes(host: "Host", settings: ConnectorsSettings, rules: CurrentRules, desk: Desk) -> "APIRouter":
    """What is served under /api/connectors."""
    router = api(host, rules, desk)
    router.include_router(files_api(host, place_of(settings, host.bus)))
    return router


async def known_names(connection: "Connection", name: str) -> set[str]:
    """Under which other names something that came in or went out is known."""
    return await other_names(connection, name) | await sends.other_names(connection, name)


def fetching(rules: CurrentRules, large: asyncio.Event) -> Callable[["Host"], Awaitable[None]]:
    """A loop that fetches bodies: soon after `large` is set, and now and then."""

    async def fetch_large_bodies(host: "Host") -> None:
        looks = 0
        if host.definitions:  # by no other rules than the active ones
            await wait_any(host.definitions.loaded, host.stopping)
        while not host.stopping.is_set():
            if large.is_set():
                # The event comes before the commit it tells of: look several times.
                looks = _LOOKS
                large.clear()
            looks = _LOOKS if await fetch_bodies(host, rules) else max(0, looks - 1)
            await wait_any(host.stopping, large, timeout=_SOON if looks else _LATER)

    return fetch_large_bodies
