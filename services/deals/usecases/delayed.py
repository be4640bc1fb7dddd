"""Do what a stage's delayed rule says, if the deal is still where the rule was set."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from services.deals.domain.rules import Action, Rules
from services.deals.usecases.carry_out import carry_out, note
from services.deals.usecases.desk import Desk

if TYPE_CHECKING:
    from services.runtime.work import Work


async def follow_delayed_rule(
    work: "Work",
    rules: Rules,
    deal_id: UUID,
    *,
    entry: int,
    rule: str,
    actions: Sequence[Action],
    missed: bool,
) -> None:
    """Follow a rule set at the deal's `entry`-th stage; `missed` means too late by the rule's own word."""
    desk = Desk(work, rules)
    await desk.hold([deal_id])
    deal = desk.deal(deal_id)
    if deal is None:
        return
    if deal.entry != entry:
        note(desk, deal, f"left rule {rule} undone: the deal has moved on", work.cause)
        return
    if missed:
        note(desk, deal, f"skipped rule {rule}: it is too late for it", work.cause)
        return
    await desk.recall([deal.contact_id])
    run = desk.run(deal)
    run.perform(actions, f"rule {rule}")
    carry_out(desk, run, work.cause)
    await desk.save()
