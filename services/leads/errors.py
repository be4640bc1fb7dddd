"""What cannot be done, and what to do instead."""

from uuid import UUID


class Refused(Exception):
    """The state does not allow it. `field` names the input at fault, `remedy` the way out."""

    def __init__(self, why: str, *, field: str | None = None, remedy: str | None = None) -> None:
        super().__init__(why)
        self.field = field
        self.remedy = remedy


class Unknown(Exception):
    """There is no such thing."""

    def __init__(self, what: str, name: UUID, *, field: str | None = None) -> None:
        super().__init__(f"There is no {what} {name}.")
        self.field = field
        self.remedy = "Check the id; lists and searches give the right one."
