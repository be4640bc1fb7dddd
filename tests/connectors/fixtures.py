"""The recorded deliveries of every kind, found by folder."""

from services.connectors.catalog.kinds import catalogue
from services.connectors.kit.recorded import AT, Fixture, fixtures_of

__all__ = ["ALL", "AT", "Fixture", "fixtures_of"]

ALL = [fixture for kind in catalogue().values() for fixture in fixtures_of(kind)]
