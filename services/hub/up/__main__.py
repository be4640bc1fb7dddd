"""Runs the all-in-one hub. A known problem ends it with one text that names the remedy, exit code 1."""

import os
import sys
import time
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from services.hub.errors import HubProblem
    from services.hub.settings import HubSettings

BEGUN = time.monotonic()


def main() -> None:
    """Run until Ctrl-C or SIGTERM."""
    from services.hub.up.lean import keep_out_terminals

    keep_out_terminals()
    from pydantic import ValidationError

    from services.hub.errors import HubProblem
    from services.hub.settings import HubSettings
    from services.hub.up.problems import explained
    from services.runtime import telemetry
    from services.runtime.settings import mistakes

    # A terminal shows what happens; the log there is for trouble.
    os.environ.setdefault("LEADWIRE_LOG_LEVEL", "warning")
    os.environ.setdefault("LEADWIRE_LOG_FORMAT", "console")
    try:
        settings = HubSettings()
    except ValidationError as error:
        _end(HubProblem("; ".join(mistakes(error)) + ".", "Correct the environment."))
    telemetry.configure_logging(settings)
    telemetry.configure_tracing(settings, "hub")
    try:
        _run(settings)
    except Exception as error:
        problem = explained(error, settings)
        if problem is None:
            raise
        _end(problem)


def _run(settings: "HubSettings") -> None:
    from services.hub.up.ports import claimed

    # Before the heavy imports, so that a port that is taken is told at once.
    settings = claimed(settings)
    import uvloop

    from services.hub.up.allinone import AllInOne

    async def up() -> None:
        await AllInOne(settings, BEGUN).run()

    uvloop.run(up())


def _end(problem: "HubProblem") -> NoReturn:
    print(f"leadwire: {problem.problem}\n  {problem.remedy}", file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        # Before the services run; from then on the signal only asks them to stop.
        sys.exit(130)
