"""The HTTP API of leads, mounted at /api/leads."""

from typing import TYPE_CHECKING

from fastapi import APIRouter

from services.leads.api.calls import CallRoutes
from services.leads.api.contacts import ContactRoutes
from services.leads.api.leads import LeadRoutes
from services.leads.domain.rules import Rules
from services.leads.live.board import Board
from services.runtime.definitions import Definitions

if TYPE_CHECKING:
    from services.runtime.host import Host


def routes(host: "Host", definitions: Definitions[Rules], board: Board) -> APIRouter:
    """Every route of leads."""
    router = APIRouter()
    ContactRoutes(host, definitions).add_to(router)
    LeadRoutes(host).add_to(router)
    CallRoutes(host, board).add_to(router)
    return router
