"""Records what became of messages that were started, and what that means for their enrolments."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from random import Random
from uuid import UUID

import structlog

from services.notifications.domain.enrolment import RUNNING
from services.notifications.domain.gate import Verdict
from services.notifications.domain.legacy import CUT_OFF, Legacy
from services.notifications.domain.settlement import Attempt, Change
from services.notifications.domain.settlement import settle as decide
from services.notifications.store import enrolments, leases, messages
from services.notifications.store.enrolments import Enrolment
from services.notifications.store.messages import Message, Moved
from services.notifications.usecases.claim import refuse
from services.notifications.usecases.ending import conclude
from services.notifications.usecases.tell import cause_of, note, tell_cancelled, tell_not_sent, tell_sent
from services.runtime.cause import Cause
from services.runtime.work import Work

log = structlog.get_logger()
_AT_ONCE = 200
_NEVER_LEFT = "its start was not heard of"


async def settle(work: Work, attempts: Sequence[Attempt], owner: UUID, random: Random) -> bool:
    """Write the outcomes of attempts that `owner` made. Ones that were overtaken are dropped.

    Returns whether their enrolments have messages waiting.
    """
    runs, locked = await _lock(work, [attempt.message_id for attempt in attempts])
    settled = _owed(locked, attempts, owner)
    if len(settled) < len(attempts):
        log.warning("messages.overtaken", count=len(attempts) - len(settled))
    return await _write(work, settled, runs, random)


async def inherit(work: Work, legacy: Legacy, random: Random) -> Counter[str]:
    """Settle the letters of a sender that is gone by its notes; its leases need not end for that.

    Returns how many, by result. Doing it again does nothing.
    """
    sent = {attempt.message_id: attempt for attempt in legacy.outcomes() if attempt.result == "sent"}
    known = {id: sent[id] for id in await leases.unsettled(work.connection, sent)}
    for message_id, number in await leases.held_by(work.connection, legacy.owner):
        if attempt := legacy.verdict(message_id, number, work.now):
            known[message_id] = attempt
    runs, locked = await _lock(work, list(known))
    settled = _owed(locked, known.values(), legacy.owner)
    await _write(work, settled, runs, random)
    return Counter(attempt.result for _, attempt in settled)


async def take_back(work: Work, owner: UUID, own: Collection[UUID], random: Random) -> int:
    """Put back what was claimed for `owner` and never heard of, its answer being lost: not of its `own`.

    Returns how many there were.
    """
    unheard = [
        Attempt(message_id, number, "untried", _NEVER_LEFT, work.now)
        for message_id, number in await leases.held_by(work.connection, owner)
        if message_id not in own
    ]
    runs, locked = await _lock(work, [attempt.message_id for attempt in unheard])
    settled = _owed(locked, unheard, owner)
    await _write(work, settled, runs, random)
    return len(settled)


async def sweep(
    work: Work, owner: UUID, own: Collection[UUID], heard: Collection[UUID], random: Random
) -> int:
    """Deal with messages that nobody will: whose sender went silent, or whose time has passed.

    `own` are in the hands of `owner`, however long that takes. Of the `heard` senders there are notes,
    which know better than the clock. Returns how many there were.
    """
    silent = await leases.expired(work.connection, work.now, own, heard, _AT_ONCE)
    late = await messages.overdue(work.connection, work.now, _AT_ONCE)
    runs, locked = await _lock(work, [*silent, *late])
    lost = [
        (message, _lost(message, owner, work.now))
        for id in silent
        if (message := locked.get(id)) and message.state == "sending"
    ]
    await _write(work, lost, runs, random)
    overdue = [
        (message, Verdict(reason="too_late", detail="its time had passed"))
        for id in late
        if (message := locked.get(id)) and message.state == "queued"
    ]
    if overdue:
        await refuse(work, overdue, runs)
    return len(lost) + len(overdue)


def _lost(message: Message, owner: UUID, now: datetime) -> Attempt:
    """One of our own that we have no memory of never left: its claim committed unheard."""
    if message.lease_owner == owner:
        return Attempt(message.id, message.attempts, "untried", _NEVER_LEFT, now)
    return Attempt(message.id, message.attempts, "unknown", CUT_OFF, now)


async def _lock(work: Work, ids: Sequence[UUID]) -> tuple[Mapping[UUID, Enrolment], Mapping[UUID, Message]]:
    """The messages and, before them, their enrolments."""
    if not ids:
        return {}, {}
    runs = await enrolments.lock_of_messages(work.connection, ids)
    return runs, await messages.lock(work.connection, ids)


def _owed(
    locked: Mapping[UUID, Message], attempts: Iterable[Attempt], owner: UUID
) -> list[tuple[Message, Attempt]]:
    return [
        (locked[attempt.message_id], attempt)
        for attempt in attempts
        if attempt.message_id in locked and _is_owed(locked[attempt.message_id], attempt, owner)
    ]


def _is_owed(message: Message, attempt: Attempt, owner: UUID) -> bool:
    """Whether the attempt is the one the message waits for.

    News that it was sent is also welcome when it had been given up, or was about to be repeated.
    """
    if message.state == "sending":
        return message.lease_owner == owner and message.attempts == attempt.number
    if attempt.result != "sent" or message.attempts != attempt.number:
        return False
    return message.state == "queued" or (message.state == "unknown" and message.lease_owner == owner)


async def _write(
    work: Work,
    settled: Sequence[tuple[Message, Attempt]],
    runs: Mapping[UUID, Enrolment],
    random: Random,
) -> bool:
    if not settled:
        return False
    moved: list[Moved] = []
    causes: dict[UUID, Cause] = {}
    for message, attempt in settled:
        change = decide(
            attempt,
            running=message.enrolment_state == RUNNING,
            policy=message.unknown_policy,
            repeats=message.repeats,
            now=work.now,
            random=random,
        )
        moved.append(_moved(message, attempt, change))
        causes[message.enrolment_id] = cause = cause_of(message, attempt.number, attempt.result)
        _tell(work, message, attempt, change, cause)
    await messages.move(work.connection, moved)
    return await conclude(work, {id: runs[id] for id in causes}, causes)


def _moved(message: Message, attempt: Attempt, change: Change) -> Moved:
    return Moved(
        message.id,
        change.state,
        reason=change.reason,
        detail=attempt.detail,
        ends=change.ends,
        next_try_at=change.next_try_at,
        settled_at=None if change.state == "queued" else attempt.at,
        repeats=change.repeats,
    )


def _tell(work: Work, message: Message, attempt: Attempt, change: Change, cause: Cause) -> None:
    if change.state == "sent":
        tell_sent(work, message, cause, attempt.at)
    elif change.reason is not None:
        tell_not_sent(work, message, cause, change.reason, attempt.detail)
    elif attempt.result == "untried":
        return
    elif change.state == "queued":
        note(work, message, cause, f"put off message {message.step}: {attempt.detail}")
    else:
        tell_cancelled(work, message, cause)
