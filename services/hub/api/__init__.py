"""The control API of the hub, mounted at /api/hub."""

from fastapi import APIRouter

from services.hub.api.control import Control
from services.hub.api.definitions import DefinitionRoutes
from services.hub.api.mailbox import MailboxRoutes
from services.hub.api.path import PathRoutes
from services.hub.api.tokens import TokenRoutes

__all__ = ["Control", "routes"]


def routes(control: Control) -> APIRouter:
    """Every route of the hub."""
    router = APIRouter()
    DefinitionRoutes(control).add_to(router)
    PathRoutes(control).add_to(router)
    TokenRoutes(control).add_to(router)
    if control.mailbox is not None:
        MailboxRoutes(control.mailbox).add_to(router)
    return router
