"""End a lead: qualified, as a deal goes on with it, or closed."""

from typing import TYPE_CHECKING, Literal
from uuid import UUID

from contracts.leads import LeadSettled
from services.leads.domain.lead import Lead
from services.leads.errors import Refused, Unknown
from services.leads.store import leads
from services.leads.usecases.desk import Desk, lay_out

if TYPE_CHECKING:
    from services.runtime.work import Work


async def settle_lead(
    lead_id: UUID, status: Literal["qualified", "closed"], work: "Work", *, reason: str | None
) -> Lead:
    """Give a lead its outcome; giving the same again changes nothing. Raises Unknown or Refused."""
    lead, desk = await _held(lead_id, work)
    if lead.status == "merged":
        raise Refused(f"Lead {lead.id} was merged.", remedy=f"Settle lead {lead.merged_into} instead.")
    if lead.status == status:
        return lead
    if lead.status == "open":
        await desk.relieve(lead.owner)
    lead.status = status
    await leads.settle(work.connection, lead, work.now, reason=reason)
    await desk.flush()
    settled = LeadSettled(
        contact_id=lead.contact_id, lead_id=lead.id, status=status, reason=reason, settled_at=work.now
    )
    work.emit(settled, correlation=lead.correlation)
    work.note(f"the lead was {status} by a person", names=(lead.id,), correlation=lead.correlation)
    return lead


async def _held(lead_id: UUID, work: "Work") -> tuple[Lead, Desk]:
    """The lead, locked after its contact; a merge may move it from under us, then once more."""
    while True:
        lead = await leads.read(work.connection, lead_id)
        if lead is None:
            raise Unknown("lead", lead_id)
        desk = await lay_out(work.connection, work.now, [lead.contact_id])
        held = await leads.read(work.connection, lead_id, lock=True)
        if held is not None and held.contact_id == lead.contact_id:
            return held, desk
