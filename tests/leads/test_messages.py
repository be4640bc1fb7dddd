"""What was sent stands on the contact's timeline, before and after merges."""

from datetime import timedelta
from uuid import UUID

from contracts.notifications import MessageNotSent, MessageSent
from services.leads.store import touches
from services.leads.usecases.log_messages import log_messages
from services.leads.usecases.merge_contacts import merge_contacts
from tests.leads.stage import BEGIN, Stage, interaction


def _sent(number: int, contact: UUID) -> MessageSent:
    at = BEGIN + timedelta(seconds=number)
    return MessageSent(
        contact_id=contact, message_id=UUID(int=number), step="welcome", medium="email", sent_at=at
    )


async def test_sent_and_not_sent_are_told_apart_and_the_latest_outcome_counts(stage: Stage) -> None:
    await stage.log(interaction(1, ("telegram", "1")))
    contact = await stage.value("SELECT id FROM contacts")
    failed = MessageNotSent(
        contact_id=contact,
        message_id=UUID(int=2),
        step="second",
        medium="email",
        reason="unknown",
        settled_at=BEGIN,
    )
    async with stage.work() as work:
        cancelled = failed.model_copy(update={"message_id": UUID(int=3), "reason": "cancelled"})
        await log_messages([_sent(1, contact), failed, cancelled], work)
    async with stage.work() as work:
        await log_messages([_sent(1, contact), _sent(2, contact), _sent(2, contact)], work)
    assert await stage.rows("SELECT outcome FROM touches ORDER BY message_id") == [
        {"outcome": "sent"},
        {"outcome": "sent"},
    ]


async def test_the_timeline_goes_on_through_merges_and_pages(stage: Stage) -> None:
    await stage.log(interaction(1, ("telegram", "1")), interaction(2, ("telegram", "2"), channel="bot"))
    older, younger = (row["id"] for row in await stage.rows("SELECT id FROM contacts ORDER BY first_seen_at"))
    async with stage.work() as work:
        await merge_contacts(older, younger, work, reason="told so", by="anna")
        # This one was on its way while the contacts were merged.
        await log_messages([_sent(90, younger)], work)
    await stage.log(interaction(3, ("telegram", "2"), channel="bot"))
    everything = ["in bot", "in bot", "out sent", "in main-site"]
    async with stage.work() as work:
        first = await touches.timeline(work.connection, older, before=None, limit=2)
        last = touches.Moment(first[-1]["at"], first[-1]["id"])
        second = await touches.timeline(work.connection, older, before=last, limit=10)
        own = await touches.timeline(work.connection, younger, before=None, limit=10)
    assert [f"{row['direction']} {row['outcome'] or row['channel']}" for row in first + second] == everything
    assert len(own) == 2
