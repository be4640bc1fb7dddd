"""Forget calls and ids told, once nothing that is kept could tell of them again."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from services.connectors.store import calls, sends

if TYPE_CHECKING:
    from services.runtime.database import Connection
    from services.runtime.retention import Forget

_LONGER = 7


def forgetting(days: int, days_of_deliveries: int) -> "Forget":
    """Deletes what was last heard of so long ago.

    A raw delivery may be parsed again for as long as it is kept: that must not make a call a second time.
    """
    kept = timedelta(days=max(days, days_of_deliveries + _LONGER))

    async def forget(connection: "Connection", now: datetime) -> int:
        before = now - kept
        return await calls.forget_before(connection, before) + await sends.forget_before(connection, before)

    return forget
