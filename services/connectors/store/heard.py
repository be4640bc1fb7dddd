"""When persons last wrote to channels whose vendors ask for that before one may write to them."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.runtime.database import Connection


async def note(connection: "Connection", heard: Mapping[tuple[str, str], datetime]) -> None:
    """These addresses were heard from: (channel, address) and when."""
    rows = sorted((channel, address, at) for (channel, address), at in heard.items())
    await connection.execute(
        "INSERT INTO heard AS h SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[])"
        " ON CONFLICT (channel, address) DO UPDATE SET heard_at = excluded.heard_at"
        " WHERE h.heard_at < excluded.heard_at",
        *map(list, zip(*rows, strict=True)),
    )


async def last(connection: "Connection", channel: str, addresses: Collection[str]) -> dict[str, datetime]:
    """When these addresses were last heard from."""
    rows = await connection.fetch(
        "SELECT address, heard_at FROM heard WHERE channel = $1 AND address = ANY($2::text[])",
        channel,
        list(addresses),
    )
    return {row["address"]: row["heard_at"] for row in rows}
