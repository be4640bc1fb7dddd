"""Every known way a hub cannot start or go on, in words for the person at the terminal."""

import asyncpg

from services.hub.definitions.findings import DefinitionsRefused
from services.hub.errors import HubProblem
from services.hub.settings import HubSettings
from services.runtime.provision import ProvisionRefused
from services.runtime.publishing import BusUnavailable, PublishRefused
from services.runtime.serving import AddressTaken, BusLost

_SEEN = 5


def explained(error: BaseException, settings: HubSettings) -> HubProblem | None:
    """The problem and its remedy; None for what nobody foresaw."""
    match error:
        case HubProblem():
            return error
        case BaseExceptionGroup():
            return next((found for one in error.exceptions if (found := explained(one, settings))), None)
        case DefinitionsRefused():
            lines = [f"\n  {f.place}: {f.path}: {f.message}. {f.remedy}" for f in error.findings[:_SEEN]]
            return HubProblem(
                f"The definitions in {settings.definitions} have mistakes:{''.join(lines)}",
                f"Correct them; leadwire check {settings.definitions} shows them all.",
            )
        case AddressTaken():
            problem, _, remedy = str(error).partition(". ")
            return HubProblem(f"{problem}.", remedy)
        case ProvisionRefused():
            return HubProblem(str(error), "Nothing was started.")
        case BusUnavailable() | PublishRefused() | BusLost():
            return HubProblem(
                f"The bus is of no use: {error}.", f"See {settings.home / 'nats' / 'nats.log'}."
            )
        case asyncpg.PostgresError() | asyncpg.InterfaceError():
            log = settings.home / "postgres" / "postgres.log"
            return HubProblem(f"The database is of no use: {error}.", f"See {log}.")
        case OSError():
            where = f" ({error.filename})" if error.filename else ""
            return HubProblem(
                f"{error.strerror or error}{where}.",
                f"Make {settings.home} writable, free some space, or set LEADWIRE_HOME to another folder.",
            )
    return None
