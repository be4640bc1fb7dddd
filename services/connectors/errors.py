"""What can be wrong with a delivery, named by who must act."""

from contracts.files import WhyNot


class Unreadable(Exception):
    """The parser cannot make sense of it: kept as failed, parsed again after a fix.

    The reason is shown to people, so it never holds a value out of the delivery.
    """


class Refused(Exception):
    """The delivery is not let in: `status` is the HTTP status, `reason` says why.

    `field` names the part of the request that is wrong, as a location of a manifest does; `remedy`
    what to do about it; `after` in how many seconds to come again. None of them holds a secret or
    says how far from right it was.
    """

    def __init__(
        self, status: int, reason: str, *, field: str = "", remedy: str = "", after: int | None = None
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.field = field
        self.remedy = remedy
        self.after = after


class ManifestError(Exception):
    """A kind's folder is not complete; says which file and what to write there."""


class NotStored(Exception):
    """The bus did not confirm the delivery in time: the sender has to come again."""


class Gone(Exception):
    """The raw bytes are no longer kept on the bus."""


class NotFetched(Exception):
    """A file could not be had. The text is for people and holds no address and no secret.

    `why` is set when trying again is of no use; `missing` says that its keeper has no such file;
    `after` is in how many seconds the keeper wants to be asked again.
    """

    def __init__(
        self, reason: str, *, why: WhyNot | None = None, missing: bool = False, after: float | None = None
    ) -> None:
        super().__init__(reason)
        self.why = why
        self.missing = missing
        self.after = after
