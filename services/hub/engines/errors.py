"""What stops an engine from starting, always with what to do about it."""

from services.hub.errors import HubProblem


class EngineError(HubProblem):
    """An engine cannot start or go on: `problem` says why, `remedy` what a person does next."""
