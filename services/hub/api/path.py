"""An enquiry's path over HTTP: hand a delivery over, follow what became of it; how the hub is."""

import base64
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from contracts.questions import ArmedTimer, JournalEntry, ParkedEvent
from services.hub.api.control import Control, problems
from services.hub.definitions import active
from services.hub.topology import specs
from services.hub.trace import trace
from services.runtime.auth import Caller, require
from services.runtime.problems import Problem
from services.runtime.provision import drift

MayOperate = Annotated[Caller, Depends(require("operator"))]
MayLook = Annotated[Caller, Depends(require("operator", "marketing", "sales"))]


class Delivery(BaseModel):
    """A delivery to hand over."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"channel": "main-site", "body": "ZW1haWw9c2FtQHNjaG9vbC50ZXN0"}},
    )

    channel: str = Field(max_length=100)
    body: str = Field(max_length=16 * 1024 * 1024, description="The bytes in Base64.")
    content_type: str | None = Field(
        default=None, pattern=r"^[\x20-\x7e]{1,200}$", description="What they are, if not what is usual."
    )


class Accepted(BaseModel):
    """A delivery that is safe on the bus."""

    delivery: str = Field(description="Its id, for a trace.", examples=["5c1f0c6b0e7f4b0b9c0d1e2f3a4b5c6d"])


class PathView(BaseModel):
    """The whole way of an enquiry; times are UTC."""

    model_config = ConfigDict(from_attributes=True)

    asked: str = Field(examples=["sam@school.test"])
    correlations: list[str] = Field(description="The enquiries that the name belongs to.")
    entries: list[JournalEntry] = Field(description="What each service did, in order of time.")
    waiting: list[ArmedTimer] = Field(description="What will happen at its time.")
    parked: list[ParkedEvent] = Field(description="What could not be handled.")
    silent: list[str] = Field(description="Services that did not answer within a second.")


class Status(BaseModel):
    """How the hub is."""

    definitions: str | None = Field(description="The active version.", examples=["4f1c0a9be2d37788"])
    drift: list[str] = Field(description="Streams and buckets that are not as they should be.")


class PathRoutes:
    """/trace, /publish and /status."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def add_to(self, router: APIRouter) -> None:
        """Register the routes."""
        tags: list[Any] = ["path"]
        router.get("/trace/{name:path}", tags=tags, summary="What became of this?")(self.trace)
        router.post("/publish", tags=tags, summary="Hand a delivery over", responses=problems(404, 422, 503))(
            self.publish
        )
        router.get("/status", tags=tags, summary="How the hub is")(self.status)

    async def trace(
        self,
        _caller: MayLook,
        name: Annotated[str, Path(pattern=r"^[^\x00-\x1f\x7f]{1,1000}$", examples=["sam@school.test"])],
    ) -> PathView:
        """Takes any id of an enquiry, a phone, an email address or a Message-ID."""
        return PathView.model_validate(await trace(self._control.bus, name))

    async def publish(self, _caller: MayOperate, wanted: Delivery) -> Accepted:
        """As if its channel had received it; the operator stands for what would have been verified."""
        from services.connectors.errors import NotStored
        from services.hub.publish import ChannelUnknown, Handed, publish

        try:
            body = base64.b64decode(wanted.body, validate=True)
        except ValueError:  # also for text beyond ASCII
            raise Problem(
                422, "The request is not valid", "`body` is not Base64.", "body", "Encode the bytes."
            ) from None
        handed = Handed(wanted.channel, body, wanted.content_type)
        try:
            stored = await publish(self._control.bus, handed, self._control.clock.now())
        except ChannelUnknown as unknown:
            raise Problem(404, "No such channel", f"{unknown}.", "channel", unknown.remedy) from None
        except NotStored as away:
            raise Problem(503, "Not stored", f"{away}.", remedy="Hand it over again.") from away
        return Accepted(delivery=stored)

    async def status(self, _caller: MayOperate) -> Status:
        """What is active, and whether the bus is as provisioning left it."""
        now = await active.active(self._control.bus)
        lines = await drift(self._control.bus, specs())
        return Status(definitions=now.version if now else None, drift=lines)
