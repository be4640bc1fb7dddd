"""Under which ids the journals may know what a person asks for."""

from typing import TYPE_CHECKING
from uuid import UUID

from services.leads.domain.identity import readings
from services.leads.store import contacts, interactions

if TYPE_CHECKING:
    from services.runtime.database import Connection


async def find_names(connection: "Connection", name: str, region: str) -> set[str]:
    """Phone or address: its contact, with those merged into it. Contact: the same. Lead or
    interaction: the interactions, deliveries and leads that belong together.
    """
    try:
        asked = UUID(name)
    except ValueError:
        owners = await contacts.owners(connection, readings(name, region))
        return await contacts.family(connection, set(owners.values()))
    family = await contacts.family(connection, {await contacts.head(connection, asked)})
    return (family | await interactions.names_of(connection, asked)) - {name}
