"""The four services as they run in one process, each with its own role in the database."""

from dataclasses import dataclass
from typing import Any

from pydantic import Field, SecretStr

from services.connectors.settings import ConnectorsSettings
from services.hub.engines.engines import Engines
from services.hub.home import Home
from services.hub.settings import HubSettings
from services.hub.topology import SERVICES
from services.notifications.settings import NotificationsSettings
from services.runtime.host import Program
from services.runtime.settings import Settings

_UNSUBSCRIBE = "unsubscribe.secret"


class _Given(NotificationsSettings):
    """Only to see what the environment says of outgoing mail."""

    unsubscribe_secret: SecretStr | None = Field(  # type: ignore[assignment]
        default=None, description=NotificationsSettings.model_fields["unsubscribe_secret"].description
    )


@dataclass(frozen=True)
class Together:
    """The programs of one process and what each was told."""

    programs: list[Program]
    settings: dict[str, Settings]


def mail_settings() -> tuple[ConnectorsSettings, bool]:
    """What the environment says of the mail inlet, and whether outgoing mail has a server of its own."""
    return ConnectorsSettings(), bool({"smtp_host", "smtp_port"} & _Given().model_fields_set)


def together(settings: HubSettings, engines: Engines, home: Home, catcher_port: int | None) -> Together:
    """Every service, told by the environment and by what this process found."""
    from services.connectors.app import build as connectors
    from services.deals.app import build as deals
    from services.leads.app import build as leads
    from services.notifications.app import build as notifications

    told = {service: _engine_settings(settings, engines, service) for service in SERVICES}
    inlet = ConnectorsSettings(**told["connectors"])
    letters = NotificationsSettings(**told["notifications"], **_letters(settings, home, catcher_port))
    return Together(
        [connectors(inlet), leads(), deals(), notifications(letters)],
        {
            "connectors": inlet,
            "leads": Settings(**told["leads"]),
            "deals": Settings(**told["deals"]),
            "notifications": letters,
        },
    )


def _engine_settings(settings: HubSettings, engines: Engines, service: str) -> dict[str, Any]:
    return {
        "nats_url": SecretStr(engines.nats_url),
        "nats_seed_file": engines.nats_credentials,
        "database_url": SecretStr(engines.dsn(service)),
        "host": settings.host,
        "port": settings.port,
    }


def _letters(settings: HubSettings, home: Home, catcher_port: int | None) -> dict[str, Any]:
    """What outgoing mail needs and the environment does not say."""
    given = _Given().model_fields_set
    needed: dict[str, Any] = {}
    if "unsubscribe_secret" not in given:
        needed["unsubscribe_secret"] = SecretStr(home.once(_UNSUBSCRIBE))
    if "public_url" not in given:
        needed["public_url"] = f"http://{settings.host}:{settings.port}"
    if "logbooks" not in given:
        needed["logbooks"] = home.folder / "logbooks"
    if catcher_port is not None:
        needed |= {"smtp_host": "127.0.0.1", "smtp_port": catcher_port, "smtp_tls": "none"}
    return needed
