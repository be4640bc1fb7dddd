"""A partner on the bus who wants more than its own subject."""

import asyncio
import json

import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from tests.hostile.attack import Attack, Run, nothing_stored
from tests.hostile.target import Target
from tests.support.wait import until

OWN = "ingress.courses-portal"
_EVENT = {"specversion": "1.0", "source": "/portal", "type": "enquiry"}


def event(number: int, **more: object) -> bytes:
    """A CloudEvent of the partner."""
    return json.dumps(
        {**_EVENT, "id": f"hostile-{number}", "data": {"student": {"name": "Planted"}}, **more}
    ).encode()


async def _partner(target: Target, refusals: list[str]) -> Client:
    async def noticed(error: Exception) -> None:
        refusals.append(str(error))

    seed = str(target.hub.home / "partners" / "courses-portal.nk")
    return await nats.connect(target.hub.bus, nkeys_seed=seed, error_cb=noticed, allow_reconnect=False)


def _publishing(subject: str, body: bytes = b"{}", headers: dict[str, str] | None = None) -> Run:
    """What the server says to a message with a reply address."""

    async def run(target: Target) -> str:
        refusals: list[str] = []
        connection = await _partner(target, refusals)
        try:
            asking = asyncio.create_task(connection.request(subject, body, timeout=10, headers=headers))
            await until(lambda: asking.done() or _denied(refusals), 10, why="the server to say something")
            if not asking.done():
                asking.cancel()
                return "not permitted"
            said = json.loads((await asking).data)
            return f"refused {said['error']['err_code']}" if "error" in said else "stored"
        except nats.errors.MaxPayloadError:
            return "too large"
        except nats.errors.Error as error:
            return type(error).__name__
        finally:
            await connection.close()

    return run


def _denied(refusals: list[str]) -> bool:
    return any("permissions violation" in refusal.lower() for refusal in refusals)


def _hearing(subject: str) -> Run:
    async def run(target: Target) -> str:
        refusals: list[str] = []
        connection = await _partner(target, refusals)
        heard: list[bytes] = []

        async def hear(message: Msg) -> None:
            heard.append(message.data)

        await connection.subscribe(subject, cb=hear)
        await connection.flush()
        await target.post_form(b"your-name=Planted&your-email=overheard%40hostile.test")
        await target.hub.letter_to("overheard@hostile.test")
        await connection.close()
        return "not permitted" if _denied(refusals) and not heard else f"heard {len(heard)}"

    return run


async def _too_large(target: Target) -> str:
    """Past the client's own check, as a client without one."""
    refusals: list[str] = []
    connection = await _partner(target, refusals)
    connection._max_payload = 8 * 1024 * 1024  # the limit that the client keeps by itself
    try:
        await connection.publish(OWN, b"a" * (2 * 1024 * 1024))
        await until(lambda: not connection.is_connected, 5, why="the server to hang up")
        return "cut off"
    finally:
        await connection.close()


async def _junk(target: Target) -> str:
    """Bytes that are no event: kept, and told apart."""
    before = await target.hub.rows("SELECT count(*) FROM connectors.deliveries WHERE channel = 'portal'")
    for body in (b"\x00\xff", b"[" * 50_000, b'{"specversion":"1.0","id":"\\u0000","source":"\\ud800"}', b""):
        assert await _publishing(OWN, body)(target) == "stored"

    async def read() -> list[str]:
        rows = await target.hub.rows("SELECT verdict FROM connectors.deliveries WHERE channel = 'portal'")
        new = [str(row["verdict"]) for row in rows[before[0][0] :]]
        return new if len(new) >= 4 else []

    return str(sorted(set(await until(read, 30, why="the partner's junk to be read"))))


def _refused(name: str, headers: dict[str, str]) -> Attack:
    run = nothing_stored(_publishing(OWN, event(9), headers))
    return Attack("bus", name, "refused 10[0-9]+", run)


PARTNER = [
    Attack(
        "bus", "the subject of another", "not permitted", nothing_stored(_publishing("ingress.somebody-else"))
    ),
    Attack("bus", "straight into intake", "not permitted", nothing_stored(_publishing("intake.main-site"))),
    Attack("bus", "a fact of its own making", "not permitted", _publishing("crm.leads.captured.v1.00")),
    Attack("bus", "a command", "not permitted", _publishing("do.notifications.enrol.v1")),
    Attack("bus", "a question", "not permitted", _publishing("ask.leads.trace.v1")),
    Attack("bus", "deleting a stream", "not permitted", _publishing("$JS.API.STREAM.DELETE.INTAKE")),
    Attack(
        "bus",
        "reading the tokens",
        "not permitted",
        _publishing("$JS.API.STREAM.MSG.GET.KV_tokens", b'{"seq":1}'),
    ),
    Attack("bus", "listening to facts", "not permitted", _hearing("crm.>")),
    Attack("bus", "listening to everything", "not permitted", _hearing(">")),
    Attack("bus", "a message of 2 MB", "cut off", nothing_stored(_too_large)),
    _refused("an expected sequence that is not", {"Nats-Expected-Last-Sequence": "999999"}),
    _refused("an expected stream that is another", {"Nats-Expected-Stream": "INTAKE"}),
    _refused("rolling the stream up", {"Nats-Rollup": "all"}),
    _refused("a message that dies at once", {"Nats-TTL": "1s"}),
    _refused("a message to be sent later", {"Nats-Schedule": "@every 1s", "Nats-Schedule-Target": OWN}),
    _refused("half a batch", {"Nats-Batch-Id": "evil", "Nats-Batch-Sequence": "1"}),
    Attack("bus", "bytes that are no event", r"\['failed', 'rejected'\]|\['failed'\]|\['rejected'\]", _junk),
]
