"""What can be killed, paused and filled when everything runs in containers."""

import asyncio
from contextlib import suppress

from tests.compose.stack import docker
from tests.support.wait import until


class Container:
    """One container. `name` is what reports call it, `container` what Docker does."""

    def __init__(self, name: str, container: str) -> None:
        self.name = name
        self.container = container

    async def kill(self) -> None:
        """SIGKILL of its first process, and with it of all; Docker does not start it again by itself."""
        # One that ended by itself, as an engine on a full disk does, is being started again.
        with suppress(AssertionError):
            await asyncio.to_thread(docker, "kill", "--signal=KILL", self.container)
        await asyncio.to_thread(docker, "wait", self.container)
        await until(self._is_off_its_networks, 30, every=0.05)

    async def _is_off_its_networks(self) -> bool:
        """Started before that, it leaves endpoints in its networks that nobody can remove."""
        ends = "{{range .NetworkSettings.Networks}}{{.EndpointID}}{{end}}"
        said = await asyncio.to_thread(docker, "inspect", "--format", ends, self.container)
        return not said.strip()

    async def start(self) -> None:
        """The same container again, on its volumes."""
        await asyncio.to_thread(docker, "start", self.container)

    async def pause(self) -> None:
        """The freezer: alive, connected and silent."""
        with suppress(AssertionError):
            await asyncio.to_thread(docker, "pause", self.container)

    async def resume(self) -> None:
        """Go on after `pause`."""
        with suppress(AssertionError):
            await asyncio.to_thread(docker, "unpause", self.container)


class VolumeDisk:
    """A volume that is a small tmpfs; it is filled from a container of its own."""

    kind = "a volume on a tmpfs, filled until nothing more could be written"

    def __init__(self, keeper: str, name: str) -> None:
        self._keeper = keeper
        self._ballast = f"/disks/{name}/ballast"

    async def fill(self) -> None:
        """Write until it is full."""
        await self._do(f"cat /dev/zero > {self._ballast} || true")

    async def free(self) -> None:
        """Take the ballast away."""
        await self._do(f"rm -f {self._ballast}")

    async def _do(self, script: str) -> None:
        await asyncio.to_thread(docker, "exec", self._keeper, "sh", "-c", script)
