"""Asterisk Manager Interface: logs in, listens, asks once for the calls that are up.

Nothing can be read again: two replicas listen at once, and what both hear is one delivery.
Source: docs.asterisk.org, "AMI v2 Specification" and the actions Challenge, Login, CoreShowChannels, Ping.
"""

import hashlib
import re

from services.connectors.drivers.inlet import Inlet, Unreachable
from services.connectors.drivers.wire import Wire, connected, follow

SEATS = 2
_ANSWER_SECONDS = 10.0
_IDLE_SECONDS = 15.0
# Classes of events: calls, queues, call records. What else Asterisk tells is not asked for.
_CLASSES = "call,agent,cdr"
_LINE = re.compile(rb"^([A-Za-z-]+):[ \t]*(.*?)\r?$", re.MULTILINE)
_UNSAFE = re.compile(r"[\r\n\0]")


async def drive(inlet: Inlet) -> None:
    """Listen until cancelled. Raises Unreachable."""
    async with connected(inlet.channel.settings, inlet.channel.kind.manifest.framing) as wire:
        await _log_in(wire, inlet)
        inlet.state("connected")
        await wire.tell(action("CoreShowChannels"))
        events = inlet.channel.kind.manifest.events
        wanted = {name.encode() for name, verdict in events.items() if verdict == "accepted"}

        def chosen(frame: bytes) -> bool:
            told = headers(frame)
            if told.get(b"actionid") == b"leadwire-CoreShowChannels" and told.get(b"response") == b"Error":
                inlet.state("connected; without the right `write = reporting` calls that were up are unknown")
            return told.get(b"event") in wanted

        await follow(inlet, wire, chosen, _IDLE_SECONDS, lambda: wire.tell(action("Ping")))


def action(name: str, **fields: str) -> bytes:
    """One action as it goes over the wire."""
    lines = {"Action": name, "ActionID": f"leadwire-{name}", **fields}
    return "".join(f"{key}: {_UNSAFE.sub('', value)}\r\n" for key, value in lines.items()).encode() + b"\r\n"


def headers(frame: bytes) -> dict[bytes, bytes]:
    """The first lines of a frame, which say what it is; names in lower case."""
    return {name.lower(): value for name, value in _LINE.findall(frame[:300])}


async def _log_in(wire: Wire, inlet: Inlet) -> None:
    """By challenge, so that the secret stays here; in the clear where Asterisk has no challenge."""
    banner = await wire.next(_ANSWER_SECONDS)
    if b"Asterisk" not in banner and b"Manager" not in banner:
        raise Unreachable("what answers there is no Asterisk manager: check `host`, `port` and `tls`")
    user, secret = inlet.channel.settings.text("user"), inlet.secret("secret")
    login = {"Username": user, "Events": _CLASSES}
    await wire.tell(action("Challenge", AuthType="MD5"))
    offered = await _answer(wire, b"leadwire-Challenge")
    if challenge := offered.get(b"challenge", b""):
        key = hashlib.md5(challenge + secret.encode(), usedforsecurity=False).hexdigest()
        login |= {"AuthType": "MD5", "Key": key}
    else:
        login |= {"Secret": secret}
    await wire.tell(action("Login", **login))
    answer = await _answer(wire, b"leadwire-Login")
    if answer.get(b"response") != b"Success":
        raise Unreachable(
            f"Asterisk refuses the user {user}: compare `user` and `secret` with manager.conf, let `permit`"
            " there allow this address and `allowmultiplelogin` be yes; then `manager reload`"
        )


async def _answer(wire: Wire, to: bytes) -> dict[bytes, bytes]:
    """The answer to an action; whatever comes before a login is nothing of ours."""
    while True:
        told = headers(await wire.next(_ANSWER_SECONDS))
        if b"response" in told and told.get(b"actionid", to) == to:
            return told
