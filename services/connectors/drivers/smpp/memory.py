"""What must outlive the process: parts of long messages, and messages whose acknowledgement may be lost."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from services.connectors.drivers.inlet import Arrived
from services.connectors.errors import Unreadable
from services.connectors.reading.smpp.pdus import message_of, without_sequence

# Centres come again within minutes; what is older is a new message with the same words.
_DOUBT = timedelta(hours=2)
_WAIT_FOR_PARTS = timedelta(hours=1)
# The bus takes values of one megabyte: what is too much for that is let go, the oldest first.
_MOST_LONG_BYTES = 400_000
_MOST_DOUBTS = 4000


@dataclass(slots=True)
class Long:
    """A long message of which not all parts are there; parts by their number."""

    since: datetime
    salt: str
    total: int
    parts: dict[int, bytes] = field(default_factory=dict)

    @property
    def written(self) -> int:
        """About how many bytes of the cursor it takes."""
        return 200 + sum(2 * len(part) + 10 for part in self.parts.values())

    @property
    def arrived(self) -> Arrived:
        """What there is of it as one delivery."""
        return Arrived(b"".join(self.parts[number] for number in sorted(self.parts)), salt=self.salt)


@dataclass(slots=True)
class Doubt:
    """A message the centre may not know we have: when it comes again it is to be the same delivery.

    `number` counts our acknowledgements; 0: it certainly comes again, or another connection had it.
    """

    mark: str
    salt: str
    since: datetime
    number: int = 0


class Memory:
    """The plain state behind a cursor."""

    def __init__(self, kept: Mapping[str, Any]) -> None:
        self._long = {
            name: Long(
                datetime.fromisoformat(one["since"]),
                one["salt"],
                one["total"],
                {int(number): bytes.fromhex(part) for number, part in one["parts"].items()},
            )
            for name, one in kept.get("long", {}).items()
        }
        self._doubts = [
            Doubt(mark, salt, datetime.fromisoformat(since)) for mark, salt, since in kept.get("doubts", ())
        ]

    @property
    def plain(self) -> dict[str, Any]:
        """As the cursor keeps it."""
        return {
            "long": {
                name: {
                    "since": one.since.isoformat(),
                    "salt": one.salt,
                    "total": one.total,
                    "parts": {str(number): part.hex() for number, part in one.parts.items()},
                }
                for name, one in self._long.items()
            },
            "doubts": [[one.mark, one.salt, one.since.isoformat()] for one in self._doubts],
        }

    def add(self, unit: bytes, salt: str, number: int, now: datetime) -> Arrived | None:
        """A message that came: what to store of it now; None while parts are missing or it is known."""
        bare = without_sequence(unit)
        mark = hashlib.blake2b(bare, digest_size=12).hexdigest()
        known = next((one for one in self._doubts if one.mark == mark and not one.number), None)
        if known is not None:
            self._doubts.remove(known)
            salt = known.salt
        self._doubts.append(Doubt(mark, salt, now, number))
        del self._doubts[:-_MOST_DOUBTS]
        try:
            message = message_of(unit)
        except Unreadable:
            return Arrived(bare, salt=salt)
        if message.part is None:
            return Arrived(bare, salt=salt)
        part, ends = message.part, (message.source.value, message.destination.value)
        name = "/".join((*ends, str(part.reference), str(part.total)))
        if known is not None and part.number not in getattr(self._long.get(name), "parts", ()):
            return None  # of a message that is complete and stored
        self._part_company(name, part.number, bare)
        found = self._long.setdefault(name, Long(now, salt, part.total))
        found.parts[part.number] = bare
        return found.arrived if len(found.parts) == found.total else None

    def _part_company(self, name: str, number: int, bare: bytes) -> None:
        """References come round: another text in one place is of another message, the first is overdue."""
        former = self._long.get(name)
        if former is not None and former.parts.get(number, bare) != bare:
            former.since = datetime.min.replace(tzinfo=UTC)
            self._long[f"{name}/{former.salt}"] = self._long.pop(name)

    def overdue(self, now: datetime) -> list[Arrived]:
        """Long messages that are complete, or whose missing parts are no longer waited for."""
        return [one.arrived for one in self._ended(now)]

    def stored(self, now: datetime) -> None:
        """What is complete or overdue is safe in the bus now."""
        ended = {id(one) for one in self._ended(now)}
        self._long = {name: one for name, one in self._long.items() if id(one) not in ended}

    def refused(self, numbers: range) -> None:
        """These were not acknowledged: they come again."""
        for one in self._doubts:
            if one.number in numbers:
                one.number = 0

    def proven(self, number: int, now: datetime) -> bool:
        """The centre has read our acknowledgements up to this one; whether that changes anything."""
        left = [one for one in self._doubts if not 0 < one.number <= number and now - one.since < _DOUBT]
        changed = len(left) != len(self._doubts)
        self._doubts = left
        return changed

    def _ended(self, now: datetime) -> list[Long]:
        room, crowded = _MOST_LONG_BYTES, set[int]()
        for one in sorted(self._long.values(), key=lambda one: one.since, reverse=True):
            room -= one.written
            if room < 0:
                crowded.add(id(one))
        return [
            one
            for one in self._long.values()
            if len(one.parts) == one.total or now - one.since > _WAIT_FOR_PARTS or id(one) in crowded
        ]
