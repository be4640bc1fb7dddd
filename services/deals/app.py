"""Puts deals together."""

from services.deals import handlers
from services.deals.api import routes
from services.deals.definitions import compile
from services.deals.domain.rules import Rules
from services.deals.settings import DealsSettings
from services.deals.usecases.carry_out import STAGE_RULE
from services.runtime.clock import Clock, SystemClock
from services.runtime.definitions import Definitions
from services.runtime.host import Program


def build(settings: DealsSettings | None = None, *, clock: Clock = SystemClock()) -> Program:
    """The program of deals; without settings they come from the environment."""
    definitions = Definitions[Rules]("deals", compile)
    return Program(
        name="deals",
        facts=handlers.fact_readers(definitions),
        timers={STAGE_RULE: handlers.on_stage_rule_due(definitions)},
        questions={"in_flight": handlers.deals_in_flight},
        definitions=definitions,
        api=lambda host: routes(host, definitions),
        resolve=handlers.other_names,
    )
