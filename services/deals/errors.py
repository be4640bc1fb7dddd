"""What people are told when a deal or a task cannot be changed as they asked."""

from collections.abc import Sequence
from uuid import UUID


class DealNotFound(Exception):
    """There is no such deal."""

    def __init__(self, deal_id: UUID) -> None:
        super().__init__(f"There is no deal {deal_id}.")


class TaskNotFound(Exception):
    """There is no such task."""

    def __init__(self, task_id: UUID) -> None:
        super().__init__(f"There is no task {task_id}.")


class DealChanged(Exception):
    """Somebody or a rule was faster: the deal is no longer at the version that was asked about."""

    def __init__(self, version: int, stage: str) -> None:
        super().__init__(f"The deal is at version {version} now, in stage {stage}.")
        self.version = version


class DealMerged(Exception):
    """The deal ended in another one, which goes on."""

    def __init__(self, into: UUID | None) -> None:
        super().__init__(f"The deal was merged into {into}.")
        self.into = into


class FunnelUnknown(Exception):
    """No funnel of that name is defined."""

    def __init__(self, funnel: str, known: Sequence[str]) -> None:
        super().__init__(f"There is no funnel {funnel}.")
        self.known = known


class StageUnknown(Exception):
    """The funnel has no stage of that name."""

    def __init__(self, funnel: str, stage: str, known: Sequence[str]) -> None:
        super().__init__(f"The funnel {funnel} has no stage {stage}.")
        self.known = known


class TaskDropped(Exception):
    """The task was closed because its deal no longer needs it."""

    def __init__(self) -> None:
        super().__init__("The task was dropped when its deal was merged into another.")
