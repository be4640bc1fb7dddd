"""How a request to a vendor can fail: what counts is whether it can have arrived."""


class NotReached(Exception):
    """The request never left: asking again does nothing twice."""


class NoAnswer(Exception):
    """The request may have arrived; nobody can tell."""
