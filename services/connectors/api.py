"""HTTP for people and tools: channels, what came in, and replaying it after a fix."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue, StrictBool

from services.connectors.definitions.channel import Channel, Rules
from services.connectors.drivers.standing import DriverView, standing
from services.connectors.errors import Gone, NotStored
from services.connectors.sending.routes import Desk, add_messages
from services.connectors.store import deliveries
from services.connectors.store.raw import STREAM, large_body, message_at, stored_delivery
from services.connectors.usecases.read_raw import CurrentRules
from services.connectors.usecases.release import release
from services.connectors.usecases.replay_channel import replay_channel
from services.runtime.auth import require
from services.runtime.inputs import Line, Moment
from services.runtime.problems import Problem, ProblemBody

if TYPE_CHECKING:
    from services.runtime.host import Host

MayLook = Depends(require("marketing", "operator"))
DeliveryId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", examples=["5c1f0c6b0e7f4b0b9c0d1e2f3a4b5c6d"])]
VerdictName = Literal["waiting", "accepted", "ignored", "rejected", "failed", "quarantined"]
_EXAMPLE: dict[str, JsonValue] = {
    "id": "5c1f0c6b0e7f4b0b9c0d1e2f3a4b5c6d",
    "channel": "main-site",
    "kind": "form",
    "event": "submission",
    "verdict": "accepted",
    "reason": "",
    "times": 1,
    "size": 214,
    "revision": 1,
    "stream": "INTAKE",
    "first_seq": 17,
    "last_seq": 17,
    "first_received_at": "2026-01-15T10:00:00Z",
    "last_received_at": "2026-01-15T10:00:00Z",
}


class ChannelView(BaseModel):
    """One channel, where it takes deliveries, and what became of them."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "main-site",
                "kind": "form",
                "title": "Main site",
                "transport": "webhook",
                "inlet": "/in/main-site",
                "open": True,
                "driver": None,
                "deliveries": {"accepted": 41, "ignored": 3},
            }
        }
    )

    name: str
    kind: str
    title: str
    transport: str
    inlet: str = Field(description="A path, mail addresses, a subject on the bus; or how we fetch them.")
    open: bool = Field(description="False while a secret it needs has no value.")
    driver: DriverView | None = Field(
        default=None, description="How it stands where we fetch or listen; null where we are called."
    )
    deliveries: dict[str, int] = Field(description="How many have which verdict.")


class DeliveryView(BaseModel):
    """One delivery: how often it came, and what was made of it."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE}, from_attributes=True)

    id: str
    channel: str
    kind: str
    event: str
    verdict: VerdictName
    reason: str
    times: int = Field(description="How often it was handed over.")
    size: int = Field(description="Bytes.")
    revision: int = Field(description="Raised when it is parsed again with another result.")
    stream: str
    first_seq: int
    last_seq: int
    first_received_at: datetime
    last_received_at: datetime


class ReplayRequest(BaseModel):
    """Which deliveries to parse again."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"since": "2026-01-15T00:00:00Z", "only_failed": True}},
    )

    since: Moment | None = Field(default=None, description="Received since then; a day ago if left out.")
    only_failed: StrictBool = Field(default=True, description="Only those that could not be parsed.")


class ReplayView(BaseModel):
    """What a replay did."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"read": 12, "parsed": 3, "published": 3, "still_failed": 0, "missing": 0}
        }
    )

    read: int
    parsed: int
    published: int = Field(description="Facts published that were not published before.")
    still_failed: int
    missing: int = Field(description="Large bodies that are no longer kept.")


class ReleaseRequest(BaseModel):
    """Which of the deliveries that a guard set aside are published after all."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"delivery": _EXAMPLE["id"]}})

    delivery: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = Field(
        description="One delivery; null for all that are set aside now."
    )


class ReleaseView(BaseModel):
    """What a release did."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"released": 1, "published": 1, "failed": 0, "missing": 0}}
    )

    released: int
    published: int = Field(description="Facts published.")
    failed: int = Field(description="Released, but no parser can read them yet.")
    missing: int = Field(description="Their bytes are no longer kept.")


def api(host: "Host", rules: CurrentRules, desk: Desk) -> APIRouter:
    """The routes of this service."""
    router = APIRouter(tags=["connectors"])
    _add_channels(router, host, rules)
    _add_deliveries(router, host)
    add_messages(router, host, rules, desk)
    return router


def _add_channels(router: APIRouter, host: "Host", rules: CurrentRules) -> None:
    @router.get("/channels", dependencies=[MayLook])
    async def list_channels() -> list[ChannelView]:
        """Every channel with its inlet."""
        async with host.database.pool.acquire() as connection:
            counts = await deliveries.counts(connection)
        channels = rules().channels
        drivers = await standing(host.bus, channels.values())
        return [_view(one, counts.get(name, {}), drivers.get(name)) for name, one in channels.items()]

    @router.post(
        "/channels/{name}/replay",
        dependencies=[Depends(require("operator"))],
        responses=problems(404),
    )
    async def replay_channel_again(
        name: Annotated[str, Path(max_length=100, examples=["main-site"])], wanted: ReplayRequest
    ) -> ReplayView:
        """Parse kept deliveries again, as after a fix. Nothing is published twice."""
        channel = _named(rules(), name)
        since = wanted.since or host.clock.now() - timedelta(days=1)
        done = await replay_channel(host, rules(), channel, since, wanted.only_failed)
        return ReplayView(**done.plain())

    @router.post("/channels/{name}/release", dependencies=[MayLook], responses=problems(404, 503))
    async def release_deliveries(
        name: Annotated[str, Path(max_length=100, examples=["main-site"])], wanted: ReleaseRequest
    ) -> ReleaseView:
        """Publish what the channel's guard set aside. Nothing is published twice."""
        channel = _named(rules(), name)
        try:
            done = await release(host, rules(), channel, wanted.delivery)
        except NotStored as away:
            raise Problem(503, "Not available right now", str(away), remedy="Try again later.") from away
        if wanted.delivery is not None and not (done.released or done.missing):
            detail = "No delivery of this id is set aside in this channel."
            remedy = "GET /api/connectors/deliveries?verdict=quarantined lists those that are."
            raise Problem(404, "No such delivery", detail, field="delivery", remedy=remedy)
        return ReleaseView(**done.plain())


def _named(rules: Rules, name: str) -> Channel:
    channel = rules.channels.get(name)
    if channel is None:
        remedy = "Name one that `leadwire channel list` shows."
        raise Problem(404, "No such channel", "There is no channel of this name.", "name", remedy)
    return channel


def _add_deliveries(router: APIRouter, host: "Host") -> None:
    @router.get("/deliveries", dependencies=[MayLook])
    async def list_deliveries(
        channel: Annotated[Line | None, Query(examples=["main-site"])] = None,
        verdict: VerdictName | None = None,
        before: Annotated[
            Moment | None,
            Query(description="Last received before; for paging.", examples=["2026-01-15T10:00:00Z"]),
        ] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> list[DeliveryView]:
        """What came in, newest first."""
        latest = before or host.clock.now() + timedelta(days=1)
        async with host.database.pool.acquire() as connection:
            rows = await deliveries.newest(connection, channel, verdict, latest, limit)
        return [DeliveryView.model_validate(row) for row in rows]

    @router.get(
        "/deliveries/{delivery_id}",
        dependencies=[MayLook],
        response_class=Response,
        responses={
            200: {"content": {"application/octet-stream": {}}, "description": "The raw bytes."},
            **problems(404, 410, 503),
        },
    )
    async def download_delivery(delivery_id: DeliveryId) -> Response:
        """The bytes as they were handed over."""
        return await _download(host, delivery_id)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These errors as the API's description shows them."""
    return {status: {"model": ProblemBody} for status in statuses}


def _view(channel: Channel, counts: dict[str, int], driver: DriverView | None) -> ChannelView:
    return ChannelView(
        name=channel.name,
        kind=channel.kind.name,
        title=channel.title,
        transport=channel.transport,
        inlet=channel.inlet,
        open=not channel.missing,
        driver=driver,
        deliveries=counts,
    )


async def _download(host: "Host", delivery_id: str) -> Response:
    async with host.database.pool.acquire() as connection:
        row = await deliveries.read(connection, delivery_id)
    if row is None:
        raise Problem(404, "No such delivery", "There is no delivery of this id.", field="delivery_id")
    try:
        body = await _raw(host, row)
    except Gone as gone:
        raise Problem(410, "No longer kept", str(gone)) from gone
    except NotStored as away:
        raise Problem(503, "Not available right now", str(away)) from away
    name = f"{row.channel}-{row.id}"
    return Response(
        body,
        media_type="application/octet-stream",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        },
    )


async def _raw(host: "Host", row: deliveries.Row) -> bytes:
    message = await message_at(host.bus, row.stream, row.first_seq)
    if row.stream == STREAM:
        stored = stored_delivery(message)
        if stored.large:
            return await large_body(host.bus, stored.delivery)
    return message.body
