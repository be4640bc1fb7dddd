"""The HTTP API of notifications, mounted at /api/notifications."""

from typing import TYPE_CHECKING

from fastapi import APIRouter

from services.notifications.api.enrolments import EnrolmentRoutes
from services.notifications.api.messages import MessageRoutes
from services.notifications.api.suppressions import SuppressionRoutes
from services.notifications.api.templates import TemplateRoutes
from services.notifications.api.unsubscribe import UnsubscribeRoutes
from services.notifications.content.tokens import Tokens
from services.notifications.domain.rules import Rules
from services.notifications.usecases.opt_out import Withdraw
from services.runtime.definitions import Definitions

if TYPE_CHECKING:
    from services.runtime.host import Host


def routes(host: "Host", definitions: Definitions[Rules], tokens: Tokens, withdraw: Withdraw) -> APIRouter:
    """Every route of notifications. `withdraw` keeps back what is claimed for contacts who opt out."""
    router = APIRouter()
    MessageRoutes(host).add_to(router)
    EnrolmentRoutes(host).add_to(router)
    SuppressionRoutes(host, withdraw).add_to(router)
    TemplateRoutes(host, definitions).add_to(router)
    UnsubscribeRoutes(host, tokens, withdraw).add_to(router)
    return router
