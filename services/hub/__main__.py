"""Runs the hub's control API as a process of its own, for services that run apart."""

import sys


def main() -> None:
    """Run until SIGTERM; a known problem ends it with one text that names the remedy."""
    import uvloop
    from pydantic import ValidationError

    from services.hub.app import run
    from services.hub.settings import HubSettings
    from services.hub.up.problems import explained
    from services.runtime import telemetry
    from services.runtime.settings import mistakes

    try:
        settings = HubSettings()
    except ValidationError as error:
        sys.exit("\n".join(mistakes(error)))
    telemetry.configure_logging(settings)
    telemetry.configure_tracing(settings, "hub")
    try:
        uvloop.run(run(settings))
    except Exception as error:
        problem = explained(error, settings)
        if problem is None:
            raise
        sys.exit(f"{problem.problem} {problem.remedy}")


if __name__ == "__main__":
    main()
