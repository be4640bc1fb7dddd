"""The least that takes a form safely: publish to JetStream, answer after its acknowledgement.

`python -m tests.bench.minimum_intake PORT` with NATS_URL; prints its port, of which 0 takes a free one.
Several may share one. No check, no limit, no deadline, no repeat recognised. /empty does not even publish;
/in/lots stores what has come together in one commit (NATS ADR-50), and is lost if that is refused.
"""

import asyncio
import gc
import os
import socket
import sys

import nats
import uvicorn
import uvloop
from fastapi import FastAPI, Request, Response
from nats.aio.client import Client

STREAM = "MINIMUM"
_FEWEST, _MOST = 8, 200
_ANSWER = b'{"status": "received"}'


class Lots:
    """Publishes what came while the last lot was under way as the next one."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._stream = client.jetstream()
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._pump: asyncio.Task[None] | None = None
        self._number = 0

    async def publish(self, body: bytes) -> None:
        """Return when it is on disk."""
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((body, stored))
        if self._pump is None:
            self._pump = asyncio.create_task(self._run())
        await stored

    async def _run(self) -> None:
        while self._waiting:
            lot, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            if len(lot) < _FEWEST:
                await asyncio.gather(*(self._stream.publish("minimum.form", body) for body, _ in lot))
            else:
                await self._batch([body for body, _ in lot])
            for _, stored in lot:
                stored.set_result(None)
        self._pump = None

    async def _batch(self, bodies: list[bytes]) -> None:
        self._number += 1
        name = f"{os.getpid()}-{self._number}"
        for place, body in enumerate(bodies[:-1], start=1):
            headers = {"Nats-Batch-Id": name, "Nats-Batch-Sequence": str(place)}
            await self._client.publish("minimum.form", body, headers=headers)
        last = {"Nats-Batch-Id": name, "Nats-Batch-Sequence": str(len(bodies)), "Nats-Batch-Commit": "1"}
        await self._stream.publish("minimum.form", bodies[-1], headers=last)


async def main() -> None:
    """Serve until killed."""
    client = await nats.connect(os.environ["NATS_URL"])
    stream = client.jetstream()
    app = FastAPI()

    @app.post("/in/form")
    async def take(request: Request) -> Response:
        acknowledged = await stream.publish_async("minimum.form", await request.body())
        await acknowledged
        return Response(_ANSWER, media_type="application/json")

    lots = Lots(client)

    @app.post("/in/lots")
    async def take_together(request: Request) -> Response:
        await lots.publish(await request.body())
        return Response(_ANSWER, media_type="application/json")

    @app.post("/empty")
    async def empty(request: Request) -> Response:
        await request.body()
        return Response(_ANSWER, media_type="application/json")

    listening = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=2048, reuse_port=True)
    print(listening.getsockname()[1], flush=True)
    gc.collect()
    gc.freeze()
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
    )
    await uvicorn.Server(config).serve([listening])


if __name__ == "__main__":
    uvloop.run(main())
