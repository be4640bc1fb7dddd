"""Puts connectors together."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import structlog

from services.connectors.api import api
from services.connectors.definitions import compile
from services.connectors.definitions.channel import Rules
from services.connectors.drivers.driving import Drivers
from services.connectors.handlers import own_reader, partner_readers
from services.connectors.inlets.http import inlet
from services.connectors.inlets.smtp import serve
from services.connectors.sending.carrier import Carriers
from services.connectors.settings import ConnectorsSettings
from services.connectors.store.interactions import other_names
from services.connectors.usecases.fetch_bodies import fetch_bodies
from services.connectors.usecases.read_raw import CurrentRules
from services.runtime.clock import Clock, SystemClock
from services.runtime.definitions import Definitions
from services.runtime.host import Program
from services.runtime.patience import wait_any
from services.runtime.streams import ingress_stream

if TYPE_CHECKING:
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

    async def listen_for_mail(host: "Host") -> None:
        await serve(host, settings, rules, smtp_started)

    return Program(
        name="connectors",
        facts=[own_reader(definitions, large)],
        varying=partner_readers(definitions, settings.partners, large),
        definitions=definitions,
        loops={
            "smtp": listen_for_mail,
            "large_bodies": fetching(rules, large),
            "drivers": Drivers(rules, carriers).run,
        },
        api=lambda host: api(host, rules),
        inlet=lambda host: inlet(host, settings, rules),
        resolve=other_names,
        streams=[ingress_stream(partner) for partner in settings.partners],
    )


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
