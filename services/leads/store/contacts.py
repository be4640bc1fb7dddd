"""Contacts and the identities that belong to them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from asyncpg import Record

from services.leads.domain.contact import Contact, Held
from services.leads.domain.identity import Key
from services.leads.store.rowset import Rowset

if TYPE_CHECKING:
    from datetime import datetime

    from services.runtime.database import Connection

_ROWS = Rowset(
    {
        "id": "uuid",
        "version": "int",
        "first_seen_at": "timestamptz",
        "name": "text",
        "language": "text",
        "zone": "text",
        "consents": "text[]",
        "fields": "jsonb",
        "merged_into": "uuid",
    }
)
_COLUMNS = _ROWS.columns
_CLAIMS = Rowset(
    {
        "value": "text",
        "kind": "text",
        "contact_id": "uuid",
        "added_at": "timestamptz",
        "ordinal": "smallint",
    }
)


async def owners(connection: "Connection", keys: Sequence[Key]) -> dict[Key, UUID]:
    """Which contacts these identities belong to; those that nobody has are left out."""
    rows = await connection.fetch(
        "SELECT kind, value, contact_id FROM identities"
        " JOIN unnest($1::text[], $2::text[]) AS asked (value, kind) USING (value, kind)",
        [key.value for key in keys],
        [key.kind for key in keys],
    )
    return {Key(row["kind"], row["value"]): row["contact_id"] for row in rows}


async def claim(connection: "Connection", claims: Mapping[Key, tuple[UUID, Held]]) -> frozenset[Key]:
    """Take identities for contacts, in sorted order; returns those that were free.

    Waits for whoever is taking the same one at this moment.
    """
    wanted = sorted(claims.items(), key=lambda claim: (claim[0].value, claim[0].kind))
    rows = await connection.fetch(
        f"INSERT INTO identities ({_CLAIMS.columns}) SELECT {_CLAIMS.columns} FROM {_CLAIMS.source()}"
        " ON CONFLICT DO NOTHING RETURNING value, kind",
        _CLAIMS.argument(
            [
                {
                    "value": key.value,
                    "kind": key.kind,
                    "contact_id": contact_id,
                    "added_at": held.added_at,
                    "ordinal": held.ordinal,
                }
                for key, (contact_id, held) in wanted
            ]
        ),
    )
    return frozenset(Key(row["kind"], row["value"]) for row in rows)


async def give(connection: "Connection", keys: Sequence[Key], contacts: Sequence[UUID]) -> None:
    """Make each identity belong to the contact at the same place."""
    await connection.execute(
        """
        UPDATE identities SET contact_id = given.contact_id
        FROM unnest($1::text[], $2::text[], $3::uuid[]) AS given (value, kind, contact_id)
        WHERE identities.value = given.value AND identities.kind = given.kind
        """,
        [key.value for key in keys],
        [key.kind for key in keys],
        list(contacts),
    )


async def lock(connection: "Connection", ids: Iterable[UUID]) -> dict[UUID, Contact]:
    """The contacts with their identities, held until the end of the transaction."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM contacts WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE",
        list(ids),
    )
    contacts = {row["id"]: _contact(row) for row in rows}
    await _fill_identities(connection, contacts)
    return contacts


async def read(connection: "Connection", contact_id: UUID) -> Contact | None:
    """One contact with its identities, as it is now."""
    row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM contacts WHERE id = $1", contact_id)
    if row is None:
        return None
    contact = _contact(row)
    await _fill_identities(connection, {contact.id: contact})
    return contact


async def _fill_identities(connection: "Connection", contacts: dict[UUID, Contact]) -> None:
    rows = await connection.fetch(
        "SELECT contact_id, kind, value, added_at, ordinal FROM identities"
        " WHERE contact_id = ANY($1::uuid[])",
        list(contacts),
    )
    for row in rows:
        key = Key(row["kind"], row["value"])
        contacts[row["contact_id"]].identities[key] = Held(key, row["added_at"], row["ordinal"])


def _contact(row: Record) -> Contact:
    return Contact(**{**row, "consents": tuple(row["consents"])})


async def insert(connection: "Connection", contacts: Sequence[Contact], now: "datetime") -> None:
    """Add new contacts; their identities are claimed already."""
    await connection.execute(
        f"INSERT INTO contacts ({_COLUMNS}, changed_at) SELECT {_COLUMNS}, $2 FROM {_ROWS.source()}",
        _argument(contacts),
        now,
    )


async def update(connection: "Connection", contacts: Sequence[Contact], now: "datetime") -> None:
    """Write how contacts stand now."""
    await connection.execute(
        f"""
        UPDATE contacts SET changed_at = $2, version = new.version, name = new.name,
            language = new.language, zone = new.zone, consents = new.consents,
            fields = new.fields, merged_into = new.merged_into
        FROM {_ROWS.source()} WHERE contacts.id = new.id
        """,
        _argument(contacts),
        now,
    )


def _argument(contacts: Sequence[Contact]) -> str:
    return _ROWS.argument([{name: getattr(one, name) for name in _ROWS.types} for one in contacts])


async def head(connection: "Connection", contact_id: UUID) -> UUID:
    """Who the contact is now: itself, or at the end of the merges it went through."""
    found: UUID | None = await connection.fetchval(
        """
        WITH RECURSIVE way AS (
            SELECT id, merged_into FROM contacts WHERE id = $1
            UNION ALL
            SELECT c.id, c.merged_into FROM contacts c JOIN way ON c.id = way.merged_into
        )
        SELECT id FROM way WHERE merged_into IS NULL
        """,
        contact_id,
    )
    return found or contact_id


async def family(connection: "Connection", ids: Iterable[UUID]) -> set[str]:
    """These contacts and all that were merged into them."""
    rows = await connection.fetch(
        """
        WITH RECURSIVE family AS (
            SELECT id FROM contacts WHERE id = ANY($1::uuid[])
            UNION
            SELECT c.id FROM contacts c JOIN family ON c.merged_into = family.id
        )
        SELECT id FROM family
        """,
        list(ids),
    )
    return {str(row["id"]) for row in rows}
