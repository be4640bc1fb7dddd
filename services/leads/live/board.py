"""The calls of the last while as the bus tells of them, and everybody who looks on.

Each replica has its own board; all of them hear the same, so it does not matter to which one somebody comes.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson

from services.runtime.event_stream import Listener, event

MOST_CALLS = 2_000
_BEGINNING = datetime.min.replace(tzinfo=UTC)


class Full(Exception):
    """As many look on as may."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    name: str
    data: bytes
    seq: int | None
    """In the stream of connectors; None when nobody told it and the call was given up."""


@dataclass(slots=True)
class _Call:
    heard_at: datetime
    seq: int = 0
    data: bytes | None = None
    outcomes: dict[str, _Outcome] = field(default_factory=dict)

    @property
    def rings(self) -> bool:
        return self.data is not None and not self.outcomes


class Board:
    """Takes what is heard, in the order of each of the two streams, and tells it to the listeners.

    A call is kept for the time `keep` after what was last heard of it; one that still rings then is given
    up. An event's id says how far its reader is in both streams, and when that was.
    """

    def __init__(self, keep: timedelta, most_listeners: int) -> None:
        self.keep = keep
        self.ready = asyncio.Event()
        self._most_listeners = most_listeners
        self._listeners: set[Listener] = set()
        self._calls: dict[UUID, _Call] = {}
        self._seen = (0, 0)
        self._heard_at = _BEGINNING
        self._forgotten_at = _BEGINNING

    def identified(self, call_id: UUID, data: bytes, seq: int, at: datetime) -> None:
        """It is known who calls. Once per call, however often it is heard."""
        call = self._heard(call_id, at)
        self._seen = (max(self._seen[0], seq), self._seen[1])
        if call.data is None:
            call.data, call.seq = data, seq
            self._tell("identified", data)
            # The other stream may have been faster.
            for outcome in call.outcomes.values():
                self._tell(outcome.name, outcome.data)

    def came_to(self, call_id: UUID, name: str, data: bytes, seq: int, at: datetime) -> None:
        """A call was `answered` or has `ended`."""
        call = self._heard(call_id, at)
        self._seen = (self._seen[0], max(self._seen[1], seq))
        given_up = name in call.outcomes and call.outcomes[name].seq is None
        if name not in call.outcomes or given_up:
            call.outcomes[name] = _Outcome(name, data, seq)
            if call.data is not None and not given_up:
                self._tell(name, data)

    def forget(self, now: datetime) -> None:
        """Give up calls that ring for too long, and forget those that are over for long."""
        old = [known for known, call in self._calls.items() if now - call.heard_at > self.keep]
        for known in old:
            call = self._calls[known]
            if call.rings:
                call.heard_at = now
                self._give_up(known, call)
            else:
                self._drop(known)
        while len(self._calls) > MOST_CALLS:
            self._drop(next(iter(self._calls)))

    def listen(self, last: str | None, now: datetime) -> Listener:
        """Somebody comes: with the id of the last event they saw what they missed, else what rings.

        Raises Full.
        """
        if len(self._listeners) >= self._most_listeners:
            raise Full
        listener = Listener(self._first(last, now))
        self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """They look on no longer."""
        self._listeners.discard(listener)

    def _heard(self, call_id: UUID, at: datetime) -> _Call:
        call = self._calls.get(call_id)
        if call is None:
            call = self._calls[call_id] = _Call(at)
        call.heard_at = max(call.heard_at, at)
        self._heard_at = max(self._heard_at, at)
        return call

    def _give_up(self, call_id: UUID, call: _Call) -> None:
        data = orjson.dumps({"call_id": call_id, "outcome": None})
        call.outcomes["ended"] = _Outcome("ended", data, None)
        self._tell("ended", data)

    def _drop(self, call_id: UUID) -> None:
        self._forgotten_at = max(self._forgotten_at, self._calls.pop(call_id).heard_at)

    def _tell(self, name: str, data: bytes) -> None:
        told = event(name, data, self._place())
        for listener in list(self._listeners):
            listener.tell(told)
            if listener.gone.is_set():
                self._listeners.discard(listener)

    def _place(self) -> str:
        return f"{self._seen[0]}-{self._seen[1]}-{max(0, int(self._heard_at.timestamp()))}"

    def _first(self, last: str | None, now: datetime) -> list[bytes]:
        place = self._place() if self._heard_at > _BEGINNING else ""
        missed = self._missed(last, now) if last else None
        if missed is None:
            rings = [("identified", call.data) for call in self._calls.values() if call.rings]
            missed = [("reset", b"{}"), *rings] if last else rings
        return [event(name, data, place) for name, data in missed if data is not None]

    def _missed(self, last: str, now: datetime) -> list[tuple[str, bytes | None]] | None:
        """What came after an event; None when that cannot be said any more, or not here yet."""
        try:
            identified, outcomes, seconds = map(int, last.split("-"))
            at = datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            return None
        ahead = identified > self._seen[0] or outcomes > self._seen[1]
        if ahead or now - at > self.keep or at <= self._forgotten_at:
            return None
        missed: list[tuple[str, bytes | None]] = []
        for call in self._calls.values():
            if call.data is None:
                continue
            new = call.seq > identified
            missed += [("identified", call.data)] if new else []
            missed += [
                (outcome.name, outcome.data)
                for outcome in call.outcomes.values()
                if new or outcome.seq is None or outcome.seq > outcomes
            ]
        return missed
