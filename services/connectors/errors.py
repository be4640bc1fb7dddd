"""What can be wrong with a delivery, named by who must act."""


class Unreadable(Exception):
    """The parser cannot make sense of it: kept as failed, parsed again after a fix.

    The reason is shown to people, so it never holds a value out of the delivery.
    """


class Refused(Exception):
    """The delivery is not let in: `status` is the HTTP status, `reason` says why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class ManifestError(Exception):
    """A kind's folder is not complete; says which file and what to write there."""


class NotStored(Exception):
    """The bus did not confirm the delivery in time: the sender has to come again."""


class Gone(Exception):
    """The raw bytes are no longer kept on the bus."""
