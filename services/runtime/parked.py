"""Facts that could not be handled, and those that wait behind them, in order per key."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from traceback import format_exception
from typing import TYPE_CHECKING, Any

from services.runtime.errors import Permanent, Retryable
from services.runtime.received import RawMessage, Received

if TYPE_CHECKING:
    from services.runtime.database import Connection

_FIRST_RETRY = 0.1
_LONGEST_RETRY = 900.0
RECOVERIES = ("retry", "person", "behind")
_LIST = "id, stream, grp, key, event_id, type, recovery, reason, attempts, next_try, parked_at"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why something is parked and who brings it back: `retry` the timer, `person`, or `behind`."""

    recovery: str
    reason: str
    next_try: datetime | None = None


def judge(error: BaseException, now: datetime, attempts: int) -> Verdict:
    """What an exception of a handler means for the fact it was given."""
    if isinstance(error, Retryable):
        pause = _pause(attempts)
        return Verdict("retry", str(error), now + max(pause, error.after or pause))
    if isinstance(error, Permanent):
        return Verdict("person", str(error))
    return Verdict("person", "".join(format_exception(error, limit=-6))[-4000:])


def _pause(attempts: int) -> timedelta:
    bound = min(_LONGEST_RETRY, _FIRST_RETRY * 2 ** min(attempts, 20))
    return timedelta(seconds=random.uniform(bound / 2, bound))


class Parked:
    """The parked facts of one group in one stream."""

    def __init__(self, stream: str, group: str) -> None:
        self.stream = stream
        self.group = group

    async def keys(self, connection: "Connection", keys: Iterable[str]) -> set[str]:
        """Those of the keys that have something parked."""
        rows = await connection.fetch(
            "SELECT DISTINCT key FROM parked WHERE stream = $1 AND grp = $2 AND key = ANY($3::text[])",
            self.stream,
            self.group,
            list(set(keys)),
        )
        return {row["key"] for row in rows}

    async def add(
        self, connection: "Connection", fact: Received[Any], verdict: Verdict, attempts: int = 1
    ) -> None:
        """Park a fact; one that is parked already stays as it is."""
        message = fact.message
        await connection.execute(
            """
            INSERT INTO parked (stream, grp, key, event_id, type, seq, subject, headers, body,
                                correlation, recovery, reason, attempts, next_try)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
            ON CONFLICT (grp, event_id) DO NOTHING
            """,
            self.stream, self.group, fact.key, fact.event_id, fact.type, fact.seq,
            message.subject, dict(message.headers), message.body, fact.cause.correlation,
            verdict.recovery, verdict.reason, attempts, verdict.next_try,
        )  # fmt: skip

    async def head(self, connection: "Connection", key: str) -> Mapping[str, Any] | None:
        """The oldest parked fact of a key, the only one that may be tried."""
        row = await connection.fetchrow(
            "SELECT * FROM parked WHERE stream = $1 AND grp = $2 AND key = $3 ORDER BY id LIMIT 1",
            self.stream,
            self.group,
            key,
        )
        return dict(row) if row else None


def message_of(row: Mapping[str, Any]) -> RawMessage:
    """The message of a parked row, as the stream held it."""
    return RawMessage(
        row["stream"], row["subject"], row["seq"], row["headers"], row["body"], row["parked_at"]
    )


async def due_keys(connection: "Connection", group: str, now: datetime) -> list[tuple[str, str]]:
    """(stream, key) of every key whose head waits for the timer and is due. Only heads wait for it."""
    rows = await connection.fetch(
        "SELECT stream, key FROM parked WHERE grp = $1 AND recovery = 'retry' AND next_try <= $2"
        " ORDER BY next_try",
        group,
        now,
    )
    return [(row["stream"], row["key"]) for row in rows]


async def next_try(connection: "Connection", group: str) -> datetime | None:
    """When the next retry is due; None when nothing waits for the timer."""
    due: datetime | None = await connection.fetchval(
        "SELECT min(next_try) FROM parked WHERE grp = $1 AND recovery = 'retry'", group
    )
    return due


async def reserve_try(connection: "Connection", row: Mapping[str, Any], now: datetime) -> None:
    """Count an attempt before it is made, so that one that kills the process is not made in a loop."""
    attempts = row["attempts"] + 1
    await connection.execute(
        "UPDATE parked SET attempts = $2, next_try = $3 WHERE id = $1",
        row["id"],
        attempts,
        now + _pause(attempts) if row["recovery"] == "retry" else None,
    )


async def keep(connection: "Connection", row_id: int, verdict: Verdict) -> None:
    """Write down why a fact stays parked after another attempt."""
    await connection.execute(
        "UPDATE parked SET recovery = $2, reason = $3, next_try = $4 WHERE id = $1",
        row_id,
        verdict.recovery,
        verdict.reason,
        verdict.next_try,
    )


async def remove(connection: "Connection", row: Mapping[str, Any], now: datetime) -> None:
    """Take the head of a key off the list; the next one, if any, becomes due in the same breath.

    The position row must be locked: a reader that parks behind a head just taken off would strand its fact.
    """
    await connection.execute("DELETE FROM parked WHERE id = $1", row["id"])
    await connection.execute(
        """
        UPDATE parked SET recovery = 'retry', next_try = $4
        WHERE recovery = 'behind' AND id = (
            SELECT min(id) FROM parked WHERE stream = $1 AND grp = $2 AND key = $3
        )
        """,
        row["stream"],
        row["grp"],
        row["key"],
        now,
    )


async def listing(connection: "Connection", group: str, limit: int = 200) -> list[dict[str, Any]]:
    """What is parked, oldest first, without bodies."""
    rows = await connection.fetch(
        f"SELECT {_LIST} FROM parked WHERE grp = $1 ORDER BY id LIMIT $2", group, limit
    )
    return [dict(row) for row in rows]


async def counts(connection: "Connection", group: str) -> dict[str, int]:
    """How many are parked, by recovery; 0 where there are none."""
    rows = await connection.fetch(
        "SELECT recovery, count(*) FROM parked WHERE grp = $1 GROUP BY recovery", group
    )
    return dict.fromkeys(RECOVERIES, 0) | {row["recovery"]: row["count"] for row in rows}


async def show(connection: "Connection", group: str, row_id: int) -> dict[str, Any] | None:
    """One parked fact, whole."""
    row = await connection.fetchrow("SELECT * FROM parked WHERE grp = $1 AND id = $2", group, row_id)
    return dict(row) if row else None


async def correlations_of(connection: "Connection", names: Iterable[str]) -> set[str]:
    """The enquiries of what is parked under these event ids, or belongs to these enquiries."""
    rows = await connection.fetch(
        "SELECT DISTINCT correlation FROM parked"
        " WHERE event_id = ANY($1::text[]) OR correlation = ANY($1::text[])",
        list(names),
    )
    return {row["correlation"] for row in rows}


async def of_correlations(connection: "Connection", correlations: Sequence[str]) -> list[dict[str, Any]]:
    """What is parked of these enquiries."""
    rows = await connection.fetch(
        f"SELECT {_LIST}, correlation FROM parked WHERE correlation = ANY($1::text[]) ORDER BY id",
        list(correlations),
    )
    return [dict(row) for row in rows]
