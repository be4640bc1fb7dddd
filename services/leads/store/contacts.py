"""Contacts and the identities that belong to them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from asyncpg import Record

from services.leads.domain.contact import Contact, Held
from services.leads.domain.identity import Key
from services.leads.store.columns import json_column

if TYPE_CHECKING:
    from datetime import datetime

    from services.runtime.database import Connection

_COLUMNS = "id, version, first_seen_at, name, language, zone, consents, fields, merged_into"


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
        """
        INSERT INTO identities (value, kind, contact_id, added_at, ordinal)
        SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::timestamptz[], $5::smallint[])
        ON CONFLICT DO NOTHING RETURNING value, kind
        """,
        [key.value for key, _ in wanted],
        [key.kind for key, _ in wanted],
        [contact_id for _, (contact_id, _) in wanted],
        [held.added_at for _, (_, held) in wanted],
        [held.ordinal for _, (_, held) in wanted],
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
        f"""
        INSERT INTO contacts (changed_at, {_COLUMNS})
        SELECT $1, id, version, first_seen_at, name, language, zone,
               ARRAY(SELECT jsonb_array_elements_text(consents::jsonb)), fields::jsonb, merged_into
        FROM unnest($2::uuid[], $3::int[], $4::timestamptz[], $5::text[], $6::text[], $7::text[],
                    $8::text[], $9::text[], $10::uuid[]) AS new ({_COLUMNS})
        """,
        now,
        *_arrays(contacts),
    )


async def update(connection: "Connection", contacts: Sequence[Contact], now: "datetime") -> None:
    """Write how contacts stand now."""
    await connection.execute(
        f"""
        UPDATE contacts SET changed_at = $1, version = new.version, name = new.name,
            language = new.language, zone = new.zone,
            consents = ARRAY(SELECT jsonb_array_elements_text(new.consents::jsonb)),
            fields = new.fields::jsonb, merged_into = new.merged_into
        FROM unnest($2::uuid[], $3::int[], $4::timestamptz[], $5::text[], $6::text[], $7::text[],
                    $8::text[], $9::text[], $10::uuid[]) AS new ({_COLUMNS})
        WHERE contacts.id = new.id
        """,
        now,
        *_arrays(contacts),
    )


def _arrays(contacts: Sequence[Contact]) -> tuple[list[Any], ...]:
    return (
        [contact.id for contact in contacts],
        [contact.version for contact in contacts],
        [contact.first_seen_at for contact in contacts],
        [contact.name for contact in contacts],
        [contact.language for contact in contacts],
        [contact.zone for contact in contacts],
        json_column(contact.consents for contact in contacts),
        json_column(contact.fields for contact in contacts),
        [contact.merged_into for contact in contacts],
    )


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
