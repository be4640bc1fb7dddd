"""HTTP and SMTP as senders speak them, and no more: many send at once from one process."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

HOST = "127.0.0.1"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def post(port: int, path: str, headers: Mapping[str, str], body: bytes, patience: float) -> str:
    """POST over a connection of its own; the status, or the name of what went wrong."""
    head = {"Host": f"{HOST}:{port}", "Connection": "close", "Content-Length": str(len(body)), **headers}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
    try:
        async with _connected(port, patience) as (reader, writer):
            writer.write("\r\n".join(lines).encode() + body)
            status = await reader.readline()
            return status.split()[1].decode() if b" " in status else "Disconnected"
    except (OSError, TimeoutError) as error:
        return type(error).__name__


async def hand_over(port: int, sender: str, recipient: str, mail: bytes, patience: float) -> str:
    """One mail over a connection of its own; the code of the last reply, or what went wrong.

    The mail must have CRLF at the ends of its lines and none that begins with a dot.
    """
    try:
        async with _connected(port, patience) as (reader, writer):
            commands = (b"EHLO people", f"MAIL FROM:<{sender}>".encode(), f"RCPT TO:<{recipient}>".encode())
            code = await _reply(reader)
            for command in (*commands, b"DATA", mail + b"\r\n."):
                if not code.startswith(("2", "3")):
                    return code
                writer.write(command + b"\r\n")
                code = await _reply(reader)
            return code
    except (OSError, TimeoutError) as error:
        return type(error).__name__


async def _reply(reader: asyncio.StreamReader) -> str:
    """The code of a reply, after all of its lines."""
    while (line := await reader.readline())[3:4] == b"-":
        continue
    return line[:3].decode() or "Disconnected"


@asynccontextmanager
async def _connected(port: int, patience: float) -> AsyncIterator[Streams]:
    async with asyncio.timeout(patience):
        reader, writer = await asyncio.open_connection(HOST, port)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()
