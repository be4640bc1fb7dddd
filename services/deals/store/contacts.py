"""What is kept of contacts and leads: what rules depend on, and who went on as whom."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from services.deals.domain.deal import Contact

if TYPE_CHECKING:
    from services.runtime.database import Connection

# Merges hold this alone, event rules together: nobody looks a contact up while it is absorbed.
_MERGE_LOCK = 7_204_201


async def hold_merges(connection: "Connection", *, alone: bool) -> None:
    """Until the transaction ends, no contact is merged by anybody else."""
    shared = "" if alone else "_shared"
    await connection.execute(
        f"SELECT pg_advisory_xact_lock{shared}($1, hashtext(current_schema()))",
        _MERGE_LOCK,
    )


async def survivors(connection: "Connection", contact_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """For those of the contacts that were absorbed, the one that goes on."""
    rows = await connection.fetch(
        "SELECT absorbed_id, contact_id FROM contact_aliases WHERE absorbed_id = ANY($1::uuid[])",
        list(contact_ids),
    )
    return {row["absorbed_id"]: row["contact_id"] for row in rows}


async def add_survivors(
    connection: "Connection", merges: Mapping[UUID, UUID], absorbers: Mapping[UUID, UUID]
) -> None:
    """Record who goes on as whom, and who absorbed whom; what pointed to an absorbed contact follows it."""
    pairs = list(merges), list(merges.values())
    await connection.execute(
        """
        UPDATE contact_aliases SET contact_id = merge.contact_id
        FROM unnest($1::uuid[], $2::uuid[]) AS merge (absorbed_id, contact_id)
        WHERE contact_aliases.contact_id = merge.absorbed_id
        """,
        *pairs,
    )
    await connection.execute(
        "INSERT INTO contact_aliases (absorbed_id, contact_id, absorbed_by)"
        " SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) ON CONFLICT (absorbed_id) DO UPDATE"
        " SET contact_id = excluded.contact_id, absorbed_by = excluded.absorbed_by",
        *pairs,
        [absorbers[one] for one in pairs[0]],
    )
    await connection.execute("DELETE FROM contacts WHERE id = ANY($1::uuid[])", pairs[0])


async def set_free(connection: "Connection", absorbed_id: UUID) -> None:
    """The contact stands on its own again, with those that it had absorbed itself."""
    await connection.execute(
        """
        WITH RECURSIVE own AS (
            SELECT absorbed_id FROM contact_aliases WHERE absorbed_by = $1
            UNION SELECT alias.absorbed_id FROM contact_aliases alias
                JOIN own ON alias.absorbed_by = own.absorbed_id
        )
        UPDATE contact_aliases SET contact_id = $1 FROM own
        WHERE contact_aliases.absorbed_id = own.absorbed_id AND contact_aliases.absorbed_id <> $1
        """,
        absorbed_id,
    )
    await connection.execute("DELETE FROM contact_aliases WHERE absorbed_id = $1", absorbed_id)


async def ended_leads(connection: "Connection", lead_ids: Collection[UUID]) -> set[UUID]:
    """Those of the leads that were merged into another."""
    rows = await connection.fetch(
        "SELECT ended_id FROM lead_aliases WHERE ended_id = ANY($1::uuid[])", list(lead_ids)
    )
    return {row["ended_id"] for row in rows}


async def add_ended_leads(connection: "Connection", merges: Mapping[UUID, UUID]) -> None:
    """Record which lead goes on for an ended one."""
    await connection.execute(
        "INSERT INTO lead_aliases (ended_id, lead_id) SELECT * FROM unnest($1::uuid[], $2::uuid[])"
        " ON CONFLICT (ended_id) DO UPDATE SET lead_id = excluded.lead_id",
        list(merges),
        list(merges.values()),
    )


async def forget_ended_leads(connection: "Connection", lead_ids: Collection[UUID]) -> None:
    """These leads stand on their own again."""
    await connection.execute("DELETE FROM lead_aliases WHERE ended_id = ANY($1::uuid[])", list(lead_ids))


async def known(connection: "Connection", contact_ids: Collection[UUID]) -> dict[UUID, tuple[int, Contact]]:
    """What rules may depend on, with the version it is of."""
    rows = await connection.fetch(
        "SELECT id, version, language, zone, consents, fields FROM contacts WHERE id = ANY($1::uuid[])",
        list(contact_ids),
    )
    return {
        row["id"]: (
            row["version"],
            Contact(row["id"], row["language"], row["zone"], tuple(row["consents"]), row["fields"]),
        )
        for row in rows
    }


async def learn(connection: "Connection", contacts: Mapping[UUID, tuple[int, Contact]]) -> None:
    """Keep the newest known state of contacts; an older one changes nothing."""
    rows = [
        (contact.id, version, contact.language, contact.zone, list(contact.consents), contact.fields)
        for version, contact in contacts.values()
    ]
    await connection.executemany(
        """
        INSERT INTO contacts (id, version, language, zone, consents, fields)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (id) DO UPDATE SET version = excluded.version, language = excluded.language,
            zone = excluded.zone, consents = excluded.consents, fields = excluded.fields
        WHERE excluded.version > contacts.version
        """,
        rows,
    )
