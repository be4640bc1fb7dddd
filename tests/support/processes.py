"""Services as processes of their own, which a test may kill."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager


@asynccontextmanager
async def service_process(
    service: str, environment: Mapping[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m services.<service>` with more in its environment; killed at the end if nobody did before."""
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"services.{service}",
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()
