"""Follow what happened to leads and contacts: deals open, move, merge.

Written for many facts at once: a fixed number of statements reads and locks all that the set may touch,
the facts are then followed one after the other on the desk, and what changed is written together.
Following a set therefore gives the same as following its facts singly.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from contracts.leads import (
    ContactChanged,
    ContactMerged,
    ContactTouched,
    ContactUnmerged,
    LeadCaptured,
    LeadMerged,
    LeadReopened,
)
from contracts.notifications import MessageNotSent, MessageSent, SequenceEnded
from services.deals.domain.deal import (
    Contact,
    Event,
    Lead,
    elder,
    facts_of_contact,
    facts_of_lead,
    new_deal,
)
from services.deals.domain.rules import Rules, View
from services.deals.store import contacts, deals
from services.deals.usecases.carry_out import carry_out, note
from services.deals.usecases.desk import Desk
from services.deals.usecases.separate import separate

if TYPE_CHECKING:
    from services.runtime.cause import Cause
    from services.runtime.received import Received
    from services.runtime.work import Work

# What takes back what others built on is followed alone, on what was written before it.
_UNDOING = (ContactUnmerged, LeadReopened)


async def follow(facts: Sequence["Received[Any]"], work: "Work", rules: Rules) -> None:
    """Do what these facts mean for deals, in this order."""
    for undoing, several in groupby(facts, key=lambda fact: isinstance(fact.data, _UNDOING)):
        if not undoing:
            await _follow_together(list(several), work, rules)
            continue
        for fact in several:
            if isinstance(fact.data, ContactUnmerged):
                await separate(fact.data, work, fact.cause)
            else:
                await _follow_together([fact], work, rules)


async def _follow_together(facts: Sequence["Received[Any]"], work: "Work", rules: Rules) -> None:
    desk = Desk(work, rules)
    await _prepare(desk, [fact.data for fact in facts])
    for fact in facts:
        _STEPS[type(fact.data)](desk, fact.data, fact.cause)
    await desk.save()


async def _prepare(desk: Desk, happened: Sequence[Any]) -> None:
    """Read and lock all that these facts may touch."""
    connection = desk.work.connection
    merges = [one for one in happened if isinstance(one, ContactMerged)]
    events = [one for one in happened if _listened_to(desk.rules, one)]
    if merges or events:
        await contacts.hold_merges(connection, alone=bool(merges))
    await desk.recall({one.contact_id for one in happened} | {one.absorbed_id for one in merges})
    touched = {desk.whose(one.contact_id) for one in events}
    # A touch behind a merge is about the deals of both.
    touched |= {one.absorbed_id for one in merges} | {desk.whose(one.contact_id) for one in merges}
    if touched:
        await desk.hold(await deals.open_of_contacts(connection, touched))
    ending = [one for one in happened if isinstance(one, LeadMerged)]
    await desk.look_up(
        {one.lead_id for one in happened if isinstance(one, LeadCaptured)},
        {lead for one in ending for lead in (one.lead_id, one.into_lead_id)},
        {one.lead_id for one in happened if isinstance(one, LeadReopened)},
    )


def _listened_to(rules: Rules, happened: Any) -> bool:
    event = _event(happened)
    return event is not None and rules.listens_to(event.name)


def _event(happened: Any) -> Event | None:
    """What stage rules call it, when it is something they may react to."""
    match happened:
        case ContactTouched(first=False):
            return Event(
                "replied",
                channel=happened.channel,
                medium=happened.medium,
                threaded=bool(happened.in_reply_to),
                lead=str(happened.lead_id or ""),
            )
        case MessageSent():
            return Event(
                "message_sent",
                medium=happened.medium,
                sequence=happened.sequence or "",
                step=happened.step,
            )
        # What was taken back in time is no failure that anybody has to react to.
        case MessageNotSent() if happened.reason != "cancelled":
            return Event(
                "message_not_sent",
                medium=happened.medium,
                sequence=happened.sequence or "",
                step=happened.step,
                reason=happened.reason,
            )
        case SequenceEnded():
            return Event("sequence_ended", sequence=happened.sequence, reason=happened.reason)
    return None


def _react(desk: Desk, happened: Any, cause: "Cause") -> None:
    """Follow the event rules of every open deal of the contact."""
    event = _event(happened)
    if event is None or not desk.rules.listens_to(event.name):
        return
    for deal in desk.open_deals(desk.whose(happened.contact_id)):
        run = desk.run(deal, event)
        run.react()
        carry_out(desk, run, cause)


def _learn(desk: Desk, changed: ContactChanged, _cause: "Cause") -> None:
    contact = Contact(
        changed.contact_id,
        changed.language,
        changed.zone,
        tuple(changed.consents),
        changed.fields,
    )
    desk.learn(contact, changed.version)


def _capture(desk: Desk, captured: LeadCaptured, cause: "Cause") -> None:
    """Open the deal of a lead, once, in the funnel it is routed to."""
    if captured.lead_id in desk.captured:
        return
    names = (captured.lead_id, captured.contact_id)
    if captured.lead_id in desk.ended:
        desk.work.note("opened no deal: the lead had been merged", names=names, cause=cause)
        return
    contact = desk.contact(desk.whose(captured.contact_id))
    lead = _lead(captured)
    seen = {
        "lead": facts_of_lead(lead),
        "contact": facts_of_contact(contact),
        "now": desk.work.now,
    }
    funnel = desk.rules.route(View(seen))
    deal = new_deal(
        desk.work.new_id("deal", cause),
        lead,
        contact.id,
        funnel.name,
        funnel.stages[0].name,
        funnel.currency,
        cause.correlation,
        desk.work.now,
    )
    run = desk.run(deal)
    run.open()
    carry_out(desk, run, cause)


def _lead(captured: LeadCaptured) -> Lead:
    return Lead(
        captured.lead_id,
        captured.contact_id,
        captured.channel,
        captured.medium,
        captured.title,
        captured.score,
        captured.owner,
        captured.fields,
        captured.captured_at,
    )


def _absorb(desk: Desk, merged: ContactMerged, cause: "Cause") -> None:
    """The deals of the absorbed contact, and what comes later for it, belong to the other."""
    if desk.absorb(merged.absorbed_id, merged.contact_id):
        names = (merged.contact_id, merged.absorbed_id)
        desk.work.note("gave the deals of an absorbed contact to the other", names=names, cause=cause)


def _merge_leads(desk: Desk, merged: LeadMerged, cause: "Cause") -> None:
    """Of two open deals of one person the younger ends; a deal that was won or lost stays so."""
    desk.end_lead(merged.lead_id, merged.into_lead_id)
    one, other = desk.deal_of_lead(merged.lead_id), desk.deal_of_lead(merged.into_lead_id)
    if one is None or other is None or one.id == other.id:
        return
    survivor = elder(one, other)
    younger = other if survivor is one else one
    if survivor.status != "open" or younger.status != "open":
        return
    run = desk.run(younger)
    run.close_as_merged(survivor.id)
    carry_out(desk, run, cause)
    note(desk, survivor, "goes on for a deal that was merged into it", cause, younger.id)


def _reopen_lead(desk: Desk, reopened: LeadReopened, cause: "Cause") -> None:
    """The deal that ended with its lead goes on; one that was won or lost stays so."""
    deal = desk.reopen_lead(reopened.lead_id)
    if deal is None or deal.status != "merged":
        return
    run = desk.run(deal)
    run.reopen()
    carry_out(desk, run, cause)


_STEPS: dict[type, Callable[[Desk, Any, "Cause"], None]] = {
    ContactChanged: _learn,
    ContactMerged: _absorb,
    ContactTouched: _react,
    LeadCaptured: _capture,
    LeadMerged: _merge_leads,
    LeadReopened: _reopen_lead,
    MessageNotSent: _react,
    MessageSent: _react,
    SequenceEnded: _react,
}
