"""Whom we must never write to: addresses, and the contacts behind them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from services.runtime.database import Connection

# The first of two keys of advisory locks on addresses; only has to be ours.
_ADDRESS_LOCK = 7_204_301


@dataclass(frozen=True, slots=True)
class Suppression:
    """One opt-out. `source` is unsubscribe or person; times are UTC."""

    id: UUID
    medium: str
    address: str
    contact_id: UUID | None
    source: str
    added_by: str | None
    added_at: datetime


def canonical(address: str) -> str:
    """The form in which addresses are compared: hardly any server minds the case."""
    return address.strip().lower()


async def lock_addresses(connection: "Connection", addresses: Iterable[str]) -> None:
    """Nobody else suppresses these addresses, or gives them to a contact, until the transaction ends.

    So whoever suppresses an address finds every contact that has it, and the contacts' own locks do
    the rest.
    """
    wanted = sorted({canonical(address) for address in addresses})
    if wanted:
        await connection.fetch(
            "SELECT pg_advisory_xact_lock($1, key) FROM"
            " (SELECT DISTINCT hashtext(address) AS key FROM unnest($2::text[]) AS address"
            "  ORDER BY key) AS keys",
            _ADDRESS_LOCK,
            wanted,
        )


async def add(connection: "Connection", suppression: Suppression) -> bool:
    """Record an opt-out; False when it was recorded before."""
    added: UUID | None = await connection.fetchval(
        "INSERT INTO suppressions (id, medium, address, contact_id, source, added_by, added_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING id",
        suppression.id,
        suppression.medium,
        canonical(suppression.address),
        suppression.contact_id,
        suppression.source,
        suppression.added_by,
        suppression.added_at,
    )
    return added is not None
