"""FreeSWITCH event socket, inbound mode: logs in and listens to events of calls.

Nothing can be read again: two replicas listen at once, and what both hear is one delivery.
Source: mod_event_socket; developer.signalwire.com, "mod_event_socket" and "Event List".
"""

import re

from services.connectors.drivers.inlet import Inlet, Unreachable
from services.connectors.drivers.wire import Wire, connected, follow

SEATS = 2
_ANSWER_SECONDS = 10.0
# FreeSWITCH has a heartbeat every 20 s, which we ask for.
_IDLE_SECONDS = 30.0
_CALLS = (
    "CHANNEL_CREATE CHANNEL_ANSWER CHANNEL_BRIDGE CHANNEL_HANGUP_COMPLETE RECORD_STOP CUSTOM vm::maintenance"
)
_WANTED = frozenset(_CALLS.encode().split())
_NAME = re.compile(rb"^Event-Name:[ \t]*([A-Z_]+)", re.MULTILINE)
_TYPE = re.compile(rb"^Content-Type:[ \t]*([a-z/-]+)", re.MULTILINE | re.IGNORECASE)
_REPLY = re.compile(rb"^Reply-Text:[ \t]*([^\r\n]*)", re.MULTILINE | re.IGNORECASE)
_UNSAFE = re.compile(r"[\r\n\0]")


async def drive(inlet: Inlet) -> None:
    """Listen until cancelled. Raises Unreachable."""
    async with connected(inlet.channel.settings, inlet.channel.kind.manifest.framing) as wire:
        await _log_in(wire, inlet)
        inlet.state("connected")
        await follow(inlet, wire, chosen, _IDLE_SECONDS, lambda: wire.tell(b"api uptime\n\n"))


def chosen(frame: bytes) -> bool:
    """Whether it tells of a call; of voice mail only that somebody left some."""
    name = _NAME.search(frame)
    if name is None or name[1] not in _WANTED:
        return False
    return name[1] != b"CUSTOM" or b"\nVM-Action: leave-message" in frame


async def _log_in(wire: Wire, inlet: Inlet) -> None:
    greeting = await wire.next(_ANSWER_SECONDS)
    if _kind(greeting) == b"text/rude-rejection":
        raise Unreachable(
            "FreeSWITCH turns this address away: let `apply-inbound-acl` in event_socket.conf.xml allow it"
        )
    if _kind(greeting) != b"auth/request":
        raise Unreachable("what answers there is no FreeSWITCH event socket: check `host`, `port` and `tls`")
    await wire.tell(f"auth {_UNSAFE.sub('', inlet.secret('password'))}\n\n".encode())
    if not (await _reply(wire)).startswith(b"+OK"):
        raise Unreachable(
            "FreeSWITCH refuses the password: compare `password` with the one in event_socket.conf.xml;"
            " after a change there `reload mod_event_socket`"
        )
    await wire.tell(f"event plain HEARTBEAT {_CALLS}\n\n".encode())
    if not (await _reply(wire)).startswith(b"+OK"):
        raise Unreachable("FreeSWITCH gives no events: see its log for why")


def _kind(frame: bytes) -> bytes:
    found = _TYPE.search(frame)
    return found[1] if found else b""


async def _reply(wire: Wire) -> bytes:
    """The answer to a command. Before the second one is answered events may come: they wait their turn."""
    early: list[bytes] = []
    while True:
        frame = await wire.next(_ANSWER_SECONDS)
        if _kind(frame) == b"command/reply":
            wire.waiting.extendleft(reversed(early))
            found = _REPLY.search(frame)
            return found[1] if found else b""
        early.append(frame)
