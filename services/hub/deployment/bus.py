"""The configuration of a bus that runs apart: written to a file, taken over while it runs."""

import json
from collections.abc import Sequence
from pathlib import PurePosixPath

import nats
import nats.errors

from services.hub import secret_files
from services.hub.deployment.places import Places
from services.hub.engines.keys import partner_seed, public_key
from services.hub.engines.nats_accounts import HUB_USER, SYSTEM, accounts
from services.hub.engines.nats_config import ServerConfig, render
from services.hub.errors import HubProblem
from services.hub.topology import SERVICES

PORT, MONITOR_PORT = 4222, 8222
STORE = PurePosixPath("/data")
_SYSTEM_USER = "sys"
_PATIENCE_SECONDS = 10.0


def admitted(places: Places) -> list[str] | None:
    """The partners that the configuration lets in; None when there is no configuration yet."""
    kept = secret_files.read(places.admitted)
    return None if kept is None else list(json.loads(kept))


def configure(places: Places, partners: Sequence[str]) -> bool:
    """Write the configuration, making the keys that are missing; whether it is another than before.

    Raises EngineError for a key that is none.
    """
    wanted = _text(places, partners)
    changed = secret_files.read(places.bus_config) != wanted.strip()
    if changed:
        secret_files.keep(places.bus_config, wanted.strip())
    secret_files.keep(places.admitted, json.dumps(sorted(partners)))
    return changed


def _text(places: Places, partners: Sequence[str]) -> str:
    seeds = {HUB_USER: places.hub_seed, _SYSTEM_USER: places.system_seed}
    seeds |= {service: places.seed(service) for service in SERVICES}
    keys = {user: public_key(seed) for user, seed in seeds.items()}
    known = {name: public_key(partner_seed(places.partners, name)) for name in partners}
    return render(
        ServerConfig(
            "leadwire", PORT, STORE, accounts(keys, known), SYSTEM, host="0.0.0.0", monitor_port=MONITOR_PORT
        )
    )


async def take_over(places: Places, url: str) -> None:
    """Have the running bus read its configuration again. Raises HubProblem when it does not."""
    try:
        connection = await nats.connect(
            url, nkeys_seed=str(places.system_seed), connect_timeout=5, max_reconnect_attempts=1
        )
    except (nats.errors.Error, OSError) as error:
        raise HubProblem(f"The bus is not there: {error}.", "Check LEADWIRE_NATS_URL.") from error
    try:
        said = json.loads((await connection.request("$SYS.REQ.SERVER.PING", b"", _PATIENCE_SECONDS)).data)
        subject = f"$SYS.REQ.SERVER.{said['server']['id']}.RELOAD"
        # The imports of an account that came with a reload work only after one more (2.15.1).
        for _ in range(2):
            answer = json.loads((await connection.request(subject, b"", _PATIENCE_SECONDS)).data)
            if refused := answer.get("error"):
                raise HubProblem(
                    f"The bus does not take its new configuration: {refused.get('description', refused)}.",
                    "It goes on with the one before; see its log.",
                )
    except nats.errors.Error as error:
        raise HubProblem(
            f"The bus did not say that it took its new configuration: {type(error).__name__}.",
            "Restart it; services reconnect by themselves.",
        ) from error
    finally:
        await connection.close()
