"""Where everything of a deployment lies: a folder for each reader, which is given its own alone."""

from dataclasses import dataclass
from pathlib import Path

from services.hub.home import Home
from services.hub.topology import SERVICES

SEED = "bus.nk"
DATABASE_URL = "leadwire_database_url"
"""A secret in the folder LEADWIRE_SECRETS is called as its setting is."""
UNSUBSCRIBE = "leadwire_unsubscribe_secret"


@dataclass(frozen=True)
class Places:
    """The folders below one folder. Each may be a volume of its own."""

    folder: Path

    @property
    def home(self) -> Home:
        """What the control API and the command need: its seed, the administrator's token."""
        return Home(self.folder / "hub")

    @property
    def hub_seed(self) -> Path:
        """The user that may do everything in the hub's account."""
        return self.home.secrets / SEED

    @property
    def system_seed(self) -> Path:
        """The user that may tell the bus to read its configuration again."""
        return self.folder / "owner" / "sys.nk"

    @property
    def owner_url(self) -> Path:
        """The database as its owner sees it, who migrates."""
        return self.folder / "owner" / DATABASE_URL

    @property
    def superuser_password(self) -> Path:
        """Of PostgreSQL; it takes it over when it makes its data folder."""
        return self.folder / "postgres" / "superuser.password"

    @property
    def bus_config(self) -> Path:
        """What the bus is started with."""
        return self.folder / "nats" / "nats.conf"

    @property
    def admitted(self) -> Path:
        """The partners that the configuration lets in, as JSON."""
        return self.folder / "nats" / "partners.json"

    @property
    def partners(self) -> Path:
        """The seeds to hand to partners, a file each."""
        return self.folder / "partners"

    def of(self, service: str) -> Path:
        """The secrets of one service."""
        if service not in SERVICES:
            raise LookupError(f"{service} is no service")
        return self.folder / service

    def seed(self, service: str) -> Path:
        """The key with which a service signs in on the bus."""
        return self.of(service) / SEED
