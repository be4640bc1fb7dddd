"""The least that takes a form safely: publish to JetStream, answer after its acknowledgement.

`python -m tests.bench.minimum_intake PORT` with NATS_URL; prints its port, of which 0 takes a free one.
Several may share one. No check, no limit, no deadline, no repeat recognised. /empty does not even publish.
"""

import gc
import os
import socket
import sys

import nats
import uvicorn
import uvloop
from fastapi import FastAPI, Request, Response

STREAM = "MINIMUM"
_ANSWER = b'{"status": "received"}'


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
