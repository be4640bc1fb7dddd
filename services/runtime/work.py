"""The unit of work: one transaction, and all that is to be published, timed and noted with it."""

import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from contracts.contract import Command, Contract, Fact
from services.runtime import journal, outbox, timers
from services.runtime.cause import Cause

if TYPE_CHECKING:
    from services.runtime.database import Connection


# What an index on names takes with room to spare; longer ids from outside are found by their beginning.
_LONGEST_NAME = 500


class Work:
    """Handed to every handler and use case; what it collects is written by `flush`, set-based.

    Ids are derived from the cause, so that doing the same work again makes the same ids.
    """

    def __init__(self, connection: "Connection", *, group: str, now: datetime, cause: Cause) -> None:
        self.connection = connection
        self.group = group
        self.now = now
        self.cause = cause
        self._outgoing: list[outbox.Outgoing] = []
        self._timers: dict[tuple[str, str], timers.Timer | None] = {}
        self._notes: list[journal.Note] = []
        self._drawn: Counter[tuple[str, str]] = Counter()
        self.wakes_relay = False
        self.wakes_timers = False

    def new_id(self, what: str, cause: Cause | None = None) -> uuid.UUID:
        """An id for a new thing: the same one each time this cause is handled."""
        cause = cause or self.cause
        place = self._drawn[cause.id, what]
        self._drawn[cause.id, what] += 1
        return cause.derived_id(self.group, what, place)

    def emit(
        self,
        fact: Fact,
        *,
        cause: Cause | None = None,
        version: int | None = None,
        correlation: str | None = None,
        revision: int | None = None,
    ) -> uuid.UUID:
        """Publish a fact after the commit; its event id comes back."""
        return self._put(fact, cause, correlation, version, revision)

    def send(
        self, command: Command, *, cause: Cause | None = None, correlation: str | None = None
    ) -> uuid.UUID:
        """Send a command after the commit; its event id comes back."""
        return self._put(command, cause, correlation)

    def _put(
        self,
        contract: Contract,
        cause: Cause | None,
        correlation: str | None,
        version: int | None = None,
        revision: int | None = None,
    ) -> uuid.UUID:
        cause = cause or self.cause
        event_id = self.new_id("event", cause)
        self._outgoing.append(
            outbox.seal(
                contract,
                event_id=str(event_id),
                source=self.group,
                now=self.now,
                cause=cause,
                correlation=correlation,
                version=version,
                revision=revision,
            )
        )
        return event_id

    def arm(
        self,
        kind: str,
        key: str,
        due: datetime,
        *,
        payload: dict[str, Any] | None = None,
        zone: str = "UTC",
        rule: str = "",
        late_after: timedelta | None = None,
        generation: int = 0,
        cause: Cause | None = None,
        correlation: str | None = None,
    ) -> None:
        """Set a timer. One of the same kind and key is replaced.

        `due` is UTC; `zone` and `rule` keep the local rule it came from. When fired more than
        `late_after` too late it says so. `generation` comes back, to be compared with the state.
        """
        cause = cause or self.cause
        origin = Cause(cause.id, correlation or cause.correlation, cause.traceparent)
        self._timers[kind, key] = timers.Timer(
            kind, key, due, zone, rule, generation, payload or {}, origin, late_after
        )

    def disarm(self, kind: str, key: str) -> None:
        """Take a timer back; nothing happens if there is none."""
        self._timers[kind, key] = None

    def note(
        self,
        did: str,
        *,
        names: Iterable[object] = (),
        cause: Cause | None = None,
        correlation: str | None = None,
    ) -> None:
        """Write into the journal what was done, in words without personal data.

        `names` are the ids under which a person may ask for it.
        """
        cause = cause or self.cause
        known = dict.fromkeys([*(_findable(name) for name in names if name), cause.id])
        self._notes.append(
            journal.Note(self.now, correlation or cause.correlation, cause.id, did, tuple(known))
        )

    def absorb(self, other: "Work") -> None:
        """Take over what the commit of another unit of the same transaction has to wake."""
        self.wakes_relay |= other.wakes_relay
        self.wakes_timers |= other.wakes_timers

    async def flush(self) -> None:
        """Write what was collected. Called once by whoever opened the transaction."""
        self.wakes_relay |= bool(self._outgoing)
        self.wakes_timers |= any(self._timers.values())
        await timers.write(self.connection, self._timers)
        await outbox.write(self.connection, self._outgoing)
        await journal.write(self.connection, self._notes)
        self._timers, self._outgoing, self._notes = {}, [], []


def _findable(name: object) -> str:
    """A name as it can be stored and indexed, wherever it came from."""
    return str(name).replace("\x00", "")[:_LONGEST_NAME]
