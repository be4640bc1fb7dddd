"""Deals as deals has told of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from contracts.deals import DealMoved, DealOpened
from services.leads.store.rowset import Rowset

if TYPE_CHECKING:
    from services.runtime.database import Connection

_OPENED = Rowset(
    {
        "id": "uuid",
        "lead_id": "uuid",
        "status": "text",
        "funnel": "text",
        "stage": "text",
        "title": "text",
        "amount": "numeric",
        "currency": "text",
        "owner": "text",
        "at": "timestamptz",
    }
)
_MOVED = Rowset({name: _OPENED.types[name] for name in ("id", "lead_id", "status", "funnel", "stage", "at")})


async def opened(connection: "Connection", deals: Sequence[DealOpened]) -> None:
    """Remember new deals; where one stands by now is left alone."""
    once = {deal.deal_id: deal for deal in deals}
    rows = [
        {
            **deal.model_dump(include={"lead_id", "funnel", "stage", "title", "currency", "owner"}),
            "id": deal.deal_id,
            "status": "open",
            "amount": deal.amount,
            "at": deal.opened_at,
        }
        for deal in once.values()
    ]
    await connection.execute(
        f"INSERT INTO known_deals ({_OPENED.columns}) SELECT {_OPENED.columns} FROM {_OPENED.source()}"
        " ORDER BY id ON CONFLICT (id) DO UPDATE SET title = excluded.title,"
        " amount = excluded.amount, currency = excluded.currency, owner = excluded.owner",
        _OPENED.argument(rows),
    )


async def moved(connection: "Connection", moves: Sequence[DealMoved]) -> None:
    """Note where deals stand now; of several moves of one deal the last counts."""
    latest = {move.deal_id: move for move in moves}
    rows = [
        {
            "id": move.deal_id,
            "lead_id": move.lead_id,
            "status": move.status,
            "funnel": move.funnel,
            "stage": move.to_stage,
            "at": move.moved_at,
        }
        for move in latest.values()
    ]
    await connection.execute(
        f"INSERT INTO known_deals ({_MOVED.columns}) SELECT {_MOVED.columns} FROM {_MOVED.source()}"
        " ORDER BY id ON CONFLICT (id) DO UPDATE SET status = excluded.status,"
        " funnel = excluded.funnel, stage = excluded.stage, at = excluded.at",
        _MOVED.argument(rows),
    )
