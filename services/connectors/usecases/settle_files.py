"""What became of a wanted file: kept, to be tried again, given up; and by whose word it is forgotten."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from prometheus_client import Counter

from contracts.files import FileGivenUp, FileKept, WhyNot
from services.connectors.domain.file import Patience, after_failure
from services.connectors.errors import NotFetched
from services.connectors.store import files
from services.connectors.store.files import Kept, Row
from services.runtime.cause import Cause

if TYPE_CHECKING:
    from services.runtime.work import Work

log = structlog.get_logger()
FILES = Counter(
    "leadwire_files_total",
    "Attempts to fetch a file, by what came of them: kept, failed, given_up.",
    ["channel", "outcome"],
)


def cause_of(row: Row) -> Cause:
    """The cause that an attempt is: it belongs to the enquiry that the delivery is."""
    return Cause(f"{row.file_id}@{row.tries}", row.delivery_id)


async def settle_kept(row: Row, kept: Kept, work: "Work") -> bool:
    """The bytes are safe: say so. False when somebody else has settled the file meanwhile."""
    if not await files.keep(work.connection, row.file_id, row.lease, kept, work.now):
        return False
    fact = FileKept(
        **_about(row) | {"name": kept.name},
        sha256=kept.sha256,
        size=kept.size,
        content_type=kept.content_type,
        claimed_type=row.claimed_type,
        kept_at=work.now,
    )
    work.emit(fact)
    work.note(f"kept a file of {kept.size} bytes, attempt {row.attempts}", names=_names(row))
    FILES.labels(row.channel, "kept").inc()
    return True


async def settle_failed(row: Row, error: NotFetched, patience: Patience, lot: float, work: "Work") -> None:
    """It failed: due again later, or given up with an alarm."""
    standing = after_failure(
        patience,
        now=work.now,
        since=row.since,
        attempts=row.attempts,
        missing=error.missing,
        missing_since=row.missing_since,
        not_before=timedelta(seconds=error.after) if error.after else None,
        lot=lot,
    )
    why = error.why or standing.why
    if why:
        await _give_up(row, why, str(error), work)
    elif standing.due_at:
        await files.postpone(
            work.connection, row.file_id, row.lease, standing.due_at, str(error), standing.missing_since
        )
        FILES.labels(row.channel, "failed").inc()


async def _give_up(row: Row, why: WhyNot, detail: str, work: "Work") -> None:
    if not await files.give_up(work.connection, row.file_id, row.lease, why, detail, work.now):
        return
    fact = FileGivenUp(
        **_about(row),
        why=why,
        detail=detail,
        attempts=row.attempts,
        wanted_at=row.wanted_at,
        given_up_at=work.now,
    )
    work.emit(fact)
    work.note(f"gave a file up after {row.attempts} attempts ({why}): {detail}", names=_names(row))
    FILES.labels(row.channel, "given_up").inc()
    log.warning("file.given_up", file=str(row.file_id), channel=row.channel, why=why, detail=detail)


async def fetch_again(row: Row, work: "Work") -> bool:
    """Try a file again that was given up, with all its time before it; False when it was not."""
    again = await files.want_again(work.connection, row.file_id, work.now)
    if again:
        work.note("wants a file again", names=_names(row), correlation=row.delivery_id)
    return again


async def forget(file_ids: list[UUID], work: "Work", why: str) -> int:
    """Forget files; the loop then erases their objects. A replay does not bring them back."""
    gone = await files.erase(work.connection, file_ids, work.now)
    if gone:
        work.note(f"erased {gone} files: {why}", names=file_ids)
    return gone


async def forget_old(before: datetime, work: "Work") -> int:
    """Forget the files kept before a time."""
    return await forget(await files.kept_before(work.connection, before), work, "kept long enough")


def _about(row: Row) -> dict[str, Any]:
    about = {"file_id": row.file_id, "channel": row.channel, "kind": row.kind, "name": row.name}
    return {**about, f"{row.owner}_id": row.owner_id}


def _names(row: Row) -> list[object]:
    return [row.file_id, row.owner_id, row.delivery_id]
