"""The ports of a hub, looked at before anything is started."""

import ipaddress
import socket

from services.connectors.settings import ConnectorsSettings
from services.hub.errors import HubProblem
from services.hub.settings import HubSettings


def claimed(settings: HubSettings) -> HubSettings:
    """The settings with a real HTTP port in place of 0. Raises HubProblem for one that is taken."""
    inlet = ConnectorsSettings()
    _look(inlet.smtp_inlet_host, inlet.smtp_inlet_port, "Mail", "LEADWIRE_SMTP_INLET_PORT")
    port = _look(settings.host, settings.port, "HTTP", "LEADWIRE_PORT")
    return settings.model_copy(update={"port": port})


def _look(host: str, port: int, what: str, setting: str) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family) as probe:
            return int(probe.getsockname()[1])
    except OSError as error:
        raise HubProblem(
            f"{what} cannot listen on {host} port {port}: {error.strerror}.",
            f"Stop what listens there, or set {setting} to another port.",
        ) from error


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
