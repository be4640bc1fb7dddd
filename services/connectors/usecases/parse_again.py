"""Parse a kept delivery again: after its body was fetched, or after a fix."""

from dataclasses import replace
from typing import TYPE_CHECKING

from services.connectors.domain.interaction import CONTENT_WINDOW
from services.connectors.store import deliveries, interactions
from services.connectors.usecases.further import Further
from services.connectors.usecases.identify import Identified, contents_around, identify
from services.connectors.usecases.take_deliveries import Arrival, count, note
from services.connectors.usecases.want_files import files_in, want_files

if TYPE_CHECKING:
    from services.runtime.work import Work


async def parse_again(
    arrival: Arrival, work: "Work", *, revises: bool = True, releases: bool = False
) -> int | None:
    """Publish what an earlier parse did not, or otherwise; how many facts that were.

    None when the reader has not come to this arrival yet: then it is the reader's. What was
    published before is published again only if it changed, under the next revision, with its id.
    With `revises` unset this is still the first parse. None, too, for what is set aside: that is
    parsed with `releases`, which is for nothing else.
    """
    row = await deliveries.lock(work.connection, arrival.id)
    if row is None or arrival.seq > row.last_seq or releases != (row.verdict == "quarantined"):
        return None
    if not releases and row.verdict != "accepted":
        arrival = replace(arrival, outcome=arrival.outcome.guarded())
    contents = await contents_around(work.connection, [arrival.outcome])
    revision = row.revision + 1 if revises else row.revision
    if revises:  # event ids are made of the cause: a correction must not pass for the first fact
        cause = replace(arrival.cause, id=f"{arrival.cause.id}#{revision}")
        arrival = replace(arrival, cause=cause)
    identified = identify(arrival.outcome, contents)
    published = 0
    for each in identified:
        published += await _publish(each, arrival, revision, work)
    published += await _publish_further(arrival, work)
    judged = arrival.judged()
    seen = (row.verdict, row.reason, row.event)
    if published or seen != (judged.verdict, judged.reason, judged.event):
        await deliveries.judge_again(work.connection, row.id, judged, revision)
        did = "released and parsed" if releases else "parsed again" if revises else "parsed"
        note(arrival, identified, published, work, did)
        count(arrival.outcome)
    return published


async def _publish(each: Identified, arrival: Arrival, revision: int, work: "Work") -> bool:
    """Publish a fact that is new or differs from what was published."""
    told = revision if revision > 1 else None
    before = await interactions.find(work.connection, each.fact.interaction_id)
    if before is None:
        before = await _same_place(each, work)
    if before is None:
        await interactions.insert(work.connection, [each.row(revision)])
        work.emit(each.fact, cause=arrival.cause, revision=told)
        await want_files(files_in([each.fact], [each], arrival.stream, arrival.seq), work)
        return True
    # What another delivery, or another arrival of this one, brought first is that one's to correct.
    if before.delivery_id != arrival.id or before.received_at != each.fact.received_at:
        return False
    fact = each.fact.model_copy(update={"interaction_id": before.interaction_id})
    known = Identified(fact, each.place, each.content)
    if before.digest == known.digest:
        return False
    await interactions.correct(work.connection, before.interaction_id, revision, known.digest)
    work.emit(known.fact, cause=arrival.cause, revision=told)
    await want_files(files_in([known.fact], [known], arrival.stream, arrival.seq), work)
    return True


async def _publish_further(arrival: Arrival, work: "Work") -> int:
    """Publish what was not told before of calls, receipts and changes: these are never corrected."""
    further = await Further.of(work.connection, [arrival.outcome])
    facts = list(further.facts(arrival.outcome))
    for fact in facts:
        work.emit(fact, cause=arrival.cause)
    await want_files(files_in(facts, (), arrival.stream, arrival.seq), work)
    await further.keep(work.connection)
    return len(facts)


async def _same_place(each: Identified, work: "Work") -> interactions.Row | None:
    """The interaction that stood at this place of this arrival, should its id be made otherwise now."""
    for row in await interactions.of_delivery(work.connection, each.fact.delivery_id):
        near = abs(row.received_at - each.fact.received_at) <= CONTENT_WINDOW
        if row.place == each.place and (near or row.content is None):
            return row
    return None
