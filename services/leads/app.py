"""Puts leads together."""

from datetime import timedelta
from typing import TYPE_CHECKING

from services.leads import handlers
from services.leads.api import routes
from services.leads.definitions import compile
from services.leads.domain.rules import Rules
from services.leads.live.board import Board
from services.leads.live.listening import listen
from services.leads.settings import LeadsSettings
from services.runtime.clock import Clock, SystemClock
from services.runtime.definitions import Definitions
from services.runtime.host import Program

if TYPE_CHECKING:
    from services.runtime.host import Host


def build(settings: LeadsSettings | None = None, *, clock: Clock = SystemClock()) -> Program:
    """The program of leads; without settings they come from the environment."""
    settings = settings or LeadsSettings()
    definitions = Definitions[Rules]("leads", compile)
    board = Board(timedelta(minutes=settings.live_call_minutes), settings.live_listeners)

    async def listen_to_calls(host: "Host") -> None:
        await listen(host, board)

    return Program(
        name="leads",
        facts=handlers.fact_readers(definitions),
        definitions=definitions,
        loops={"live_calls": listen_to_calls},
        api=lambda host: routes(host, definitions, board),
        resolve=handlers.other_names(definitions),
    )
