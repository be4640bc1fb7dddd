"""Keys, passwords and the configuration of the bus: made before any engine runs. Again changes nothing."""

from pathlib import Path

from services.hub import secret_files
from services.hub.definitions.apply import DefinitionSet
from services.hub.deployment import bus
from services.hub.deployment.places import DATABASE_URL, UNSUBSCRIBE, Places
from services.hub.engines import roles
from services.hub.partners import partners_in
from services.hub.settings import EXAMPLE, HubSettings
from services.hub.topology import SERVICES
from services.hub.up import channel_secrets


def prepare(settings: HubSettings, places: Places) -> list[str]:
    """Make what is missing; what there is to tell, one line each. Raises DefinitionsRefused, EngineError."""
    secret_files.once(places.superuser_password)
    for role, file in role_files(places).items():
        keep_address(file, role, settings.database_server)
    secret_files.once(places.of("notifications") / UNSUBSCRIBE)
    partners = bus.admitted(places)
    if partners is None:
        partners = partners_in(first_set(settings.definitions, places).parts)
    changed = bus.configure(places, partners)
    return [
        f"{'Wrote' if changed else 'Kept'} the configuration of the bus.",
        f"Partners: {', '.join(sorted(partners)) or 'none'}.",
    ]


def role_files(places: Places) -> dict[str, Path]:
    """Every role of the database and the file with its address."""
    services = {service: places.of(service) / DATABASE_URL for service in SERVICES}
    return {roles.OWNER: places.owner_url, **services}


def keep_address(file: Path, role: str, server: str) -> None:
    """The address of the database for a role, with a password that is made once."""
    known = password_in(secret_files.read(file) or "") or secret_files.once(
        file.with_name(".database_password.draft")
    )
    address = f"postgresql://{role}:{known}@{server}/{roles.DATABASE}"
    if secret_files.read(file) != address:
        secret_files.keep(file, address)


def password_in(address: str) -> str:
    """The password of an address that `keep_address` wrote; empty without one."""
    return address.rpartition("@")[0].rpartition(":")[2]


def first_set(folder: Path, places: Places) -> DefinitionSet:
    """The folder as a set, with secrets of our own choosing for the example. Raises DefinitionsRefused."""
    from services.hub.definitions.check import check
    from services.hub.definitions.folder import read_folder

    texts = read_folder(folder)
    if folder.resolve() == EXAMPLE:
        file = places.of("connectors") / channel_secrets.FILE
        channel_secrets.make_missing_in(file, channel_secrets.names_in(texts))
    checked = check(texts)
    return DefinitionSet(checked.version, checked.parts, checked.loaded)
