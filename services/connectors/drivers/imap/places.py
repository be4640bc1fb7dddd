"""How far each folder of a channel was read, kept in the one cursor that the channel has."""

import asyncio
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from services.connectors.drivers.inlet import Cursor


@dataclass(frozen=True, slots=True)
class Place:
    """Everything up to `uid` is done. Of mail below `back`, what came before `start` does not count.

    `uidvalidity` says which numbering the uids belong to. `refusals`: how often in a row the mail that
    comes next was not handed over.
    """

    uidvalidity: int
    uid: int
    back: int
    start: datetime
    refusals: int = 0


class Places:
    """The places of all folders of a channel."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._one_at_a_time = asyncio.Lock()

    def of(self, folder: str) -> Place | None:
        """How far it was read; None when it never was."""
        told = self._folders().get(folder)
        if told is None:
            return None
        return Place(**{**told, "start": datetime.fromisoformat(told["start"])})

    async def move(self, folder: str, place: Place) -> None:
        """Remember it durably. Raises Overtaken."""
        told = {**asdict(place), "start": place.start.isoformat()}
        async with self._one_at_a_time:
            await self._cursor.move({**self._cursor.value, "folders": {**self._folders(), folder: told}})

    def _folders(self) -> dict[str, Any]:
        found: dict[str, Any] = self._cursor.value.get("folders", {})
        return found


def found_again(
    place: Place | None, uidvalidity: int, uidnext: int, since: datetime | None, now: datetime
) -> Place:
    """Where to go on in a folder with this numbering. A new folder is read from `since`, or from now on.

    A folder that is numbered anew is read again from when we first came: what is known counts once.
    """
    if place is None:
        return Place(uidvalidity, 0 if since else uidnext - 1, uidnext, since or now)
    if place.uidvalidity != uidvalidity:
        return Place(uidvalidity, 0, uidnext, place.start)
    return place
