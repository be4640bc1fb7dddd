"""Puts leads together."""

from services.leads import handlers
from services.leads.api import routes
from services.leads.definitions import compile
from services.leads.domain.rules import Rules
from services.leads.settings import LeadsSettings
from services.runtime.clock import Clock, SystemClock
from services.runtime.definitions import Definitions
from services.runtime.host import Program


def build(settings: LeadsSettings | None = None, *, clock: Clock = SystemClock()) -> Program:
    """The program of leads; without settings they come from the environment."""
    definitions = Definitions[Rules]("leads", compile)
    return Program(
        name="leads",
        facts=handlers.fact_readers(definitions),
        definitions=definitions,
        api=lambda host: routes(host, definitions),
        resolve=handlers.other_names(definitions),
    )
