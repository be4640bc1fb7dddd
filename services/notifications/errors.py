"""What can go wrong here, named by what to do next."""

from services.runtime.errors import Permanent


class UnknownSequence(Permanent):
    """A command names a sequence that the active definitions do not have."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"there is no sequence {name!r} in the active definitions;"
            " apply definitions that have it, then redrive"
        )
