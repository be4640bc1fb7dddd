"""Leaving a proxy's rotation without failing anybody: begin to listen late, stop listening first.

A proxy that is refused a connection goes to another replica and nobody notices; a connection that was
accepted and then dropped is a failed request. So none may be in the kernel's queue when it is closed.
"""

import asyncio
import ctypes
import socket
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Protocol

from services.runtime.patience import wait_any

_SO_ATTACH_FILTER = 26
_ACCEPT_SECONDS = 0.05
_LOOK_SECONDS = 0.1


class Closable(Protocol):
    """A server of asyncio."""

    def close(self) -> None:
        """Stop listening; connections live on."""
        ...


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("jt", ctypes.c_ubyte),
        ("jf", ctypes.c_ubyte),
        ("k", ctypes.c_uint),
    )


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(_Instruction)))


# Classic BPF over the TCP header: what asks for a new connection (SYN) is dropped, all else may pass.
# Source: include/uapi/linux/filter.h.
_NO_NEW_CONNECTIONS = (
    (0x30, 0, 0, 13),  # load the byte with the flags
    (0x45, 0, 1, 0x02),  # SYN set: go on, else skip one
    (0x06, 0, 0, 0),  # drop
    (0x06, 0, 0, 0xFFFFFFFF),  # pass
)


async def drain(listening: socket.socket, servers: Iterable[Closable], seconds: float) -> None:
    """Take what waits in the queue, refuse what comes, and answer `seconds` longer."""
    if seconds <= 0:
        return
    turn_away(listening)
    await asyncio.sleep(_ACCEPT_SECONDS)
    for server in servers:
        server.close()
    await asyncio.sleep(seconds)


def turn_away(listening: socket.socket) -> None:
    """Let no new connection into the queue of a socket. Does nothing where the system cannot."""
    instructions = [_Instruction(*one) for one in _NO_NEW_CONNECTIONS]
    program = (_Instruction * len(instructions))(*instructions)
    with suppress(OSError):
        listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, bytes(_Filter(len(program), program)))


async def ready_or_late(
    ready: Callable[[], Awaitable[bool]], seconds: float, stopping: asyncio.Event
) -> None:
    """Return as soon as it is ready, after `seconds` at the latest."""
    deadline = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < deadline and not await ready():
        if await wait_any(stopping, timeout=_LOOK_SECONDS):
            return
