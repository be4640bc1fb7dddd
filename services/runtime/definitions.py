"""What people configure, as it is active now: sets of parts in a bucket, made active by one write.

Keys of the bucket: `active` says which version is active, `parts.<version>.<part>` holds the parts.
"""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

import nats.errors
import nats.js.errors
import structlog
from prometheus_client import Gauge

from services.runtime.bus import Bus
from services.runtime.patience import wait_any
from services.runtime.publishing import BusUnavailable
from services.runtime.streams import DEFINITIONS_BUCKET, DEFINITIONS_CHANGED

log = structlog.get_logger()
STALE = Gauge(
    "leadwire_definitions_stale",
    "1 while the active definitions cannot be used and the ones before are.",
    ["part"],
)
T = TypeVar("T")
NOTHING = ""
"""The version when nothing was ever applied."""
_FALLBACK_SECONDS = 10.0
_KEPT = 8
# JetStream: there is no message under this subject; other "not found"s mean the stream.
_NO_MESSAGE = 10037


@dataclass(frozen=True)
class DefinitionError:
    """One mistake: where it is, what is wrong, what to do. `path` is dotted, such as `a.b[0].c`."""

    path: str
    message: str
    remedy: str


@dataclass(frozen=True)
class Reference:
    """A name that some part must define, and where it is asked for. `kind` is such as sequence or member."""

    path: str
    kind: str
    name: str


class DefinitionErrors(Exception):
    """The mistakes in one part."""

    def __init__(self, errors: list[DefinitionError]) -> None:
        super().__init__("; ".join(f"{error.path}: {error.message}" for error in errors))
        self.errors = errors


class Definitions(Generic[T]):
    """One part of the definitions, compiled. `current` changes by itself while it is followed."""

    def __init__(self, part: str, compile: Callable[[dict[str, Any]], T]) -> None:
        self.part = part
        self.compile = compile
        self.current: T = compile({})
        self.version = NOTHING
        self.loaded = asyncio.Event()
        self.problem: str | None = "not loaded yet"
        self._bus: Bus | None = None
        self._wake = asyncio.Event()
        self._compiled: OrderedDict[str, T] = OrderedDict()

    async def follow(self, bus: Bus, stopping: asyncio.Event) -> None:
        """Keep `current` up to date until told to stop. Survives anything the bus does."""
        self._bus = bus
        await wait_any(bus.opened, stopping)
        if stopping.is_set():
            return
        subscription = await bus.nc.subscribe(DEFINITIONS_CHANGED, cb=self._changed)
        bus.on_reconnect(self._wake.set)
        try:
            while not stopping.is_set():
                self._wake.clear()
                await self._refresh()
                pause = _FALLBACK_SECONDS if self.loaded.is_set() else 0.5
                await wait_any(self._wake, stopping, timeout=pause)
        finally:
            bus.off_reconnect(self._wake.set)
            with suppress(nats.errors.Error):
                await subscription.unsubscribe()

    async def _changed(self, _message: object) -> None:
        self._wake.set()

    async def _refresh(self) -> None:
        """Take over the active set. What cannot be used leaves the one before in force."""
        try:
            version = await self._active()
            if version != self.version or not self.loaded.is_set():
                self.current, self.version = await self.of(version), version
                log.info("definitions.active", part=self.part, version=version or "none")
        except BusUnavailable as error:
            self.problem = str(error)
            return
        except Exception as error:
            self.problem = f"the active set is unusable: {type(error).__name__}"
            STALE.labels(self.part).set(1)
            log.error("definitions.unusable", part=self.part, reason=str(error)[:500])
            return
        self.problem = None
        STALE.labels(self.part).set(0)
        self.loaded.set()

    async def _active(self) -> str:
        raw = await self._read("active")
        return str(json.loads(raw)["version"]) if raw is not None else NOTHING

    async def of(self, version: str) -> T:
        """This part of one version, compiled; as if empty where the set does not have it.

        Raises DefinitionErrors, BusUnavailable.
        """
        if version not in self._compiled:
            raw = await self._read(f"parts.{version}.{self.part}") if version else None
            self._compiled[version] = self.compile(json.loads(raw) if raw is not None else {})
            if len(self._compiled) > _KEPT:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(version)
        return self._compiled[version]

    async def _read(self, key: str) -> bytes | None:
        """A value as the bucket's leader holds it; replicas may lag behind."""
        if self._bus is None or not self._bus.connected:
            raise BusUnavailable("not connected")
        try:
            message = await self._bus.js.get_last_msg(
                f"KV_{DEFINITIONS_BUCKET}", f"$KV.{DEFINITIONS_BUCKET}.{key}", direct=False
            )
        except nats.js.errors.NotFoundError as error:
            if error.err_code != _NO_MESSAGE:
                raise BusUnavailable(
                    "the bucket of definitions is missing: run `leadwire provision`"
                ) from error
            return None
        except (nats.errors.Error, nats.js.errors.Error) as error:
            raise BusUnavailable(f"definitions: {type(error).__name__}") from error
        deleted = (message.headers or {}).get("KV-Operation")
        return None if deleted else message.data or b""

    async def stage(self, bus: Bus, version: str, part: dict[str, Any]) -> None:
        """Compile a part and put it into the bucket, not active yet. Raises DefinitionErrors."""
        self.compile(part)
        bucket = await bus.kv(DEFINITIONS_BUCKET)
        key = f"parts.{version}.{self.part}"
        try:
            await bucket.put(key, json.dumps(part).encode())
        except (nats.errors.Error, nats.js.errors.Error) as error:
            raise BusUnavailable(f"definitions: {type(error).__name__}") from error
        self._compiled.pop(version, None)


def as_rows(errors: list[DefinitionError]) -> list[dict[str, str]]:
    """Mistakes as JSON-ready data."""
    return [asdict(error) for error in errors]
