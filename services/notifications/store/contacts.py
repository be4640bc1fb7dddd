"""Contacts as leads told of them, and who went on as whom."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from services.runtime.database import Connection

CONTACT_COLUMNS = "id, version, name, language, zone, email, consents, fields, merged_into"


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact as known here. Version 0 is one that so far was only heard of in a merge."""

    id: UUID
    version: int
    name: str | None
    language: str | None
    zone: str | None
    email: str | None
    consents: Sequence[str]
    fields: Mapping[str, Any]
    merged_into: UUID | None

    @property
    def known(self) -> bool:
        """Whether leads has told of it yet."""
        return self.version > 0


async def save(connection: "Connection", snapshots: Sequence[Mapping[str, Any]], now: datetime) -> int:
    """Take over snapshots, one per contact; returns how many were newer than what was known."""
    status: str = await connection.execute(
        """
        INSERT INTO contacts AS known
            (id, version, name, language, zone, email, identities, consents, fields, changed_at)
        SELECT id, version, name, language, zone, email, identities,
               ARRAY(SELECT jsonb_array_elements_text(consents)), fields, $2
        FROM jsonb_to_recordset($1) AS new (id uuid, version int, name text, language text,
             zone text, email text, identities jsonb, consents jsonb, fields jsonb)
        ORDER BY id
        ON CONFLICT (id) DO UPDATE SET version = excluded.version, name = excluded.name,
            language = excluded.language, zone = excluded.zone, email = excluded.email,
            identities = excluded.identities, consents = excluded.consents,
            fields = excluded.fields, changed_at = excluded.changed_at
        WHERE known.version < excluded.version
        """,
        list(snapshots),
        now,
    )
    return int(status.rsplit(" ", 1)[1])


async def heads(connection: "Connection", ids: Collection[UUID]) -> dict[UUID, UUID]:
    """For each contact that was heard of, who it is now."""
    rows = await connection.fetch(
        "SELECT id, coalesce(merged_into, id) AS head FROM contacts WHERE id = ANY($1::uuid[])",
        list(ids),
    )
    return {row["id"]: row["head"] for row in rows}


async def lock(connection: "Connection", ids: Collection[UUID]) -> dict[UUID, Contact]:
    """The contacts these ids stand for now, by asked id, held until the transaction ends."""
    while True:
        now = await heads(connection, ids)
        rows = await connection.fetch(
            f"SELECT {CONTACT_COLUMNS} FROM contacts WHERE id = ANY($1::uuid[])"
            " ORDER BY id FOR NO KEY UPDATE",
            sorted(set(now.values())),
        )
        held = {row["id"]: Contact(**row) for row in rows}
        # Absorbed while we waited for its lock: look again for who it is now.
        if all(contact.merged_into is None for contact in held.values()):
            return {asked: held[head] for asked, head in now.items()}


async def hold(connection: "Connection", ids: Collection[UUID]) -> list[UUID]:
    """Lock these contacts, those they went on as and those that went on as them; all their ids."""
    rows = await connection.fetch(
        """
        SELECT id FROM contacts WHERE id IN
            (SELECT id FROM contacts WHERE id = ANY($1::uuid[])
             UNION SELECT merged_into FROM contacts WHERE id = ANY($1::uuid[])
             UNION SELECT id FROM contacts WHERE merged_into = ANY($1::uuid[]))
        ORDER BY id FOR NO KEY UPDATE
        """,
        list(ids),
    )
    return [row["id"] for row in rows]


async def with_address(connection: "Connection", address: str) -> list[UUID]:
    """The contacts whose letters go to this address."""
    rows = await connection.fetch(
        "SELECT id FROM contacts WHERE lower(email) = lower($1) AND merged_into IS NULL", address
    )
    return [row["id"] for row in rows]


async def absorb(connection: "Connection", staying: UUID, absorbed: UUID, now: datetime) -> None:
    """Record that `absorbed` is `staying` from now on; both may be unheard of."""
    await connection.execute(
        """
        INSERT INTO contacts (id, version, absorbed_by, merged_into, changed_at)
        SELECT id, 0, head, head, $3 FROM (SELECT id, CASE WHEN id = $2 THEN $1::uuid END AS head
            FROM unnest(ARRAY[$1::uuid, $2::uuid]) AS id) AS pair ORDER BY id
        ON CONFLICT (id) DO UPDATE SET
            absorbed_by = coalesce(excluded.absorbed_by, contacts.absorbed_by),
            merged_into = coalesce(excluded.merged_into, contacts.merged_into)
        """,
        staying,
        absorbed,
        now,
    )
    await connection.execute(
        "UPDATE contacts SET merged_into = $1 WHERE merged_into = $2 AND id <> $1", staying, absorbed
    )


async def set_free(connection: "Connection", contact_id: UUID) -> list[UUID]:
    """The contact stands on its own again, with those it had absorbed itself; all their ids."""
    rows = await connection.fetch(
        """
        WITH RECURSIVE own AS (
            SELECT $1::uuid AS id
            UNION SELECT contacts.id FROM contacts JOIN own ON contacts.absorbed_by = own.id
        )
        UPDATE contacts SET
            absorbed_by = CASE WHEN contacts.id <> $1 THEN absorbed_by END,
            merged_into = CASE WHEN contacts.id <> $1 THEN $1::uuid END
        FROM own WHERE contacts.id = own.id RETURNING contacts.id
        """,
        contact_id,
    )
    return [row["id"] for row in rows]


async def read(connection: "Connection", contact_id: UUID) -> Contact | None:
    """The contact as it is now, not locked."""
    row = await connection.fetchrow(
        f"SELECT {CONTACT_COLUMNS} FROM contacts WHERE id ="
        " (SELECT coalesce(merged_into, id) FROM contacts WHERE id = $1)",
        contact_id,
    )
    return Contact(**row) if row else None
