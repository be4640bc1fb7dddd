"""The HTTP API of deals, mounted at /api/deals."""

from typing import TYPE_CHECKING

from fastapi import APIRouter

from services.deals.api.deals import DealRoutes
from services.deals.api.tasks import TaskRoutes
from services.deals.domain.rules import Rules
from services.runtime.definitions import Definitions

if TYPE_CHECKING:
    from services.runtime.host import Host


def routes(host: "Host", definitions: Definitions[Rules]) -> APIRouter:
    """Every route of deals."""
    router = APIRouter()
    DealRoutes(host, definitions).add_to(router)
    TaskRoutes(host).add_to(router)
    return router
