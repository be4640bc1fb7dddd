"""A person moves a deal."""

from typing import TYPE_CHECKING
from uuid import UUID

from services.deals.domain.deal import Deal
from services.deals.domain.rules import Rules
from services.deals.errors import (
    DealChanged,
    DealMerged,
    DealNotFound,
    FunnelUnknown,
    StageUnknown,
)
from services.deals.usecases.carry_out import carry_out
from services.deals.usecases.desk import Desk

if TYPE_CHECKING:
    from services.runtime.work import Work


async def move_deal(
    work: "Work",
    rules: Rules,
    deal_id: UUID,
    *,
    to: str,
    funnel: str | None,
    version: int,
    by: str,
) -> Deal:
    """Move the deal if it is still at `version`, into another funnel when one is named.

    Moving it to where it stands changes nothing. Raises DealNotFound, DealChanged, DealMerged,
    FunnelUnknown or StageUnknown.
    """
    desk = Desk(work, rules)
    await desk.hold([deal_id])
    deal = desk.deal(deal_id)
    if deal is None:
        raise DealNotFound(deal_id)
    if deal.status == "merged":
        raise DealMerged(deal.merged_into)
    if deal.version != version:
        raise DealChanged(deal.version, deal.stage)
    name = funnel or deal.funnel
    if (name, to) == (deal.funnel, deal.stage):
        return deal
    _check_target(rules, name, to)
    await desk.recall([deal.contact_id])
    run = desk.run(deal)
    run.move(to, by, funnel=name, rule=False)
    moved = carry_out(desk, run, work.cause)
    await desk.save()
    return moved


def _check_target(rules: Rules, funnel: str, stage: str) -> None:
    found = rules.funnels.get(funnel)
    if found is None:
        raise FunnelUnknown(funnel, sorted(rules.funnels))
    if found.stage(stage) is None:
        raise StageUnknown(funnel, stage, [one.name for one in found.stages])
