"""The team's queue: whose turn it is, and how many open leads each has."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from services.leads.domain.assignment import Seat

if TYPE_CHECKING:
    from services.runtime.database import Connection


async def lock(connection: "Connection", members: Iterable[str]) -> dict[str, Seat]:
    """Everybody's seat, these members' included, held until the end of the transaction.

    Lock it after the contacts, so that nobody waits in a circle.
    """
    seats = await _lock(connection)
    missing = sorted(set(members) - seats.keys())
    if missing:
        await connection.execute(
            "INSERT INTO team_members (member, turn, open_leads)"
            " SELECT member, 0, 0 FROM unnest($1::text[]) AS new (member) ON CONFLICT DO NOTHING",
            missing,
        )
        seats = await _lock(connection)
    return seats


async def _lock(connection: "Connection") -> dict[str, Seat]:
    rows = await connection.fetch(
        "SELECT member, turn, open_leads FROM team_members ORDER BY member FOR UPDATE"
    )
    return {row["member"]: Seat(row["member"], row["turn"], row["open_leads"]) for row in rows}


async def update(connection: "Connection", seats: Mapping[str, Seat]) -> None:
    """Write the queue back."""
    await connection.execute(
        """
        UPDATE team_members SET turn = new.turn, open_leads = new.open_leads
        FROM unnest($1::text[], $2::bigint[], $3::int[]) AS new (member, turn, open_leads)
        WHERE team_members.member = new.member
        """,
        list(seats),
        [seat.turn for seat in seats.values()],
        [seat.open_leads for seat in seats.values()],
    )
