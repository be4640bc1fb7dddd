"""One OpenAPI document per HTTP API, from the very apps that serve them. Connects to nothing."""

import asyncio
import json
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from pydantic import SecretStr

from services.connectors.app import build as connectors
from services.connectors.settings import ConnectorsSettings
from services.deals.app import build as deals
from services.hub.api import Control
from services.hub.app import build as hub
from services.hub.mailbox.files import Mailbox
from services.leads.app import build as leads
from services.notifications.app import build as notifications
from services.notifications.settings import NotificationsSettings
from services.runtime.bus import Bus
from services.runtime.clock import SystemClock
from services.runtime.host import Host, Program
from services.runtime.settings import Settings
from services.runtime.web import build_app

FOLDER = "openapi"
Document = dict[str, Any]


def pages() -> dict[str, str]:
    """File name below docs/reference to text."""
    return {
        f"{FOLDER}/{name}.json": json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        for name, document in documents().items()
    }


def documents() -> dict[str, Document]:
    """The document of each service that has an HTTP API, by its name."""
    return asyncio.run(_documents())


async def _documents() -> dict[str, Document]:
    found = {program.name: (await _app(program)).openapi() for program in _programs()}
    return {"hub": hub(Control(_bus(), SystemClock(), Mailbox(Path()))).openapi(), **found}


def _programs() -> list[Program]:
    letters = NotificationsSettings(
        unsubscribe_secret=SecretStr("of no consequence here"), public_url="http://127.0.0.1:8080"
    )
    return [connectors(ConnectorsSettings()), leads(), deals(), notifications(letters)]


async def _app(program: Program) -> FastAPI:
    host = await Host.create(program, Settings(), _bus())
    try:
        return build_app([host], title=f"Leadwire {program.name}")
    finally:
        await host.database.close()


def _bus() -> Bus:
    return Bus("nats://127.0.0.1:4222")
