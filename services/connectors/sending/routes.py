"""Sending over HTTP, for people and their programs: wish for a message, see what became of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from contracts.sending import SendMessage
from services.connectors.store import sends
from services.connectors.store.sends import Row
from services.connectors.usecases.read_raw import CurrentRules
from services.connectors.usecases.take_messages import OtherMessage, take_message
from services.runtime.auth import require
from services.runtime.inputs import Line, Moment
from services.runtime.problems import Problem, ProblemBody

if TYPE_CHECKING:
    from services.runtime.host import Host

MessageId = Annotated[UUID, Path(examples=["5f0c2a52-6d0e-4c7e-9d6b-0d9f6a3c8e11"])]
SendState = Literal["queued", "sending", "sent", "failed", "unknown"]
MaySend = Depends(require("sales", "marketing", "operator"))
MayLook = Depends(require("sales", "marketing", "operator"))
_EXAMPLE: dict[str, JsonValue] = {
    "message_id": "5f0c2a52-6d0e-4c7e-9d6b-0d9f6a3c8e11",
    "channel": "sales-chat",
    "kind": "telegram",
    "to": "7001",
    "state": "sent",
    "progress": "",
    "attempts": 1,
    "external_id": "7001:41",
    "code": "",
    "reason": "",
    "created_at": "2026-01-15T10:00:00Z",
    "next_try_at": None,
    "expires_at": "2026-01-16T10:00:00Z",
    "settled_at": "2026-01-15T10:00:01Z",
}


@dataclass(frozen=True, slots=True)
class Desk:
    """What taking messages in needs: whom to wake, and how long a message is tried."""

    wake: Callable[[], None]
    patience: timedelta


class SendRequest(BaseModel):
    """A text for one person, through one channel."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "message_id": "5f0c2a52-6d0e-4c7e-9d6b-0d9f6a3c8e11",
                "channel": "sales-chat",
                "to": "7001",
                "text": "Hello Ann, the course begins on Monday at 10.",
            }
        },
    )

    message_id: UUID | None = Field(
        default=None, description="Your own id of it: sent again with the same id it is not sent twice."
    )
    channel: Annotated[Line, StringConstraints(max_length=63)]
    to: Annotated[Line, StringConstraints(max_length=320)] = Field(
        description="The vendor's address: a chat, a user, a telephone number."
    )
    text: str = Field(min_length=1, max_length=64_000)
    reply_to: Line | None = Field(default=None, description="The vendor's id of the message you answer.")
    not_after: Moment | None = Field(default=None, description="Not sent any more after that.")


class MessageView(BaseModel):
    """One message and what became of it. Its text is not told."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    message_id: UUID
    channel: str
    kind: str
    to: str
    state: SendState = Field(
        description="sent: the vendor took it; unknown: it may have gone, and it is not sent again."
    )
    progress: str = Field(description="What the vendor told later: delivered, read or failed.")
    attempts: int
    external_id: str | None = Field(description="The vendor's id of it.")
    code: str
    reason: str
    created_at: datetime
    next_try_at: datetime | None
    expires_at: datetime
    settled_at: datetime | None


def add_messages(router: APIRouter, host: "Host", rules: CurrentRules, desk: Desk) -> None:
    """The routes of messages that leave."""
    _add_send(router, host, rules, desk)
    _add_looking(router, host)


def _add_send(router: APIRouter, host: "Host", rules: CurrentRules, desk: Desk) -> None:
    @router.post(
        "/messages",
        status_code=202,
        dependencies=[MaySend],
        responses=_problems(404, 409),
    )
    async def send_message(wanted: SendRequest) -> MessageView:
        """Send a text. The answer comes before it has left: ask for it by its id."""
        channel = rules().channels.get(wanted.channel)
        if channel is None:
            raise Problem(
                404,
                "No such channel",
                "There is no channel of this name.",
                field="channel",
                remedy="Name one that `leadwire channel list` shows, or define it.",
            )
        given = wanted.model_dump(exclude={"message_id"})
        wish = SendMessage(message_id=wanted.message_id or uuid4(), **given)
        try:
            async with host.work() as work:
                row = await take_message(work, wish, channel, desk.patience)
        except OtherMessage as error:
            raise Problem(
                409, "Another message has this id", str(error), field="message_id", remedy="Use a new id."
            ) from error
        desk.wake()
        return view(row)


def _add_looking(router: APIRouter, host: "Host") -> None:
    @router.get("/messages", dependencies=[MayLook])
    async def list_messages(
        channel: Annotated[Line | None, Query(examples=["sales-chat"])] = None,
        state: SendState | None = None,
        before: Annotated[
            Moment | None,
            Query(description="Wished for before; for paging.", examples=["2026-01-15T10:00:00Z"]),
        ] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> list[MessageView]:
        """What was to be sent, newest first; `state=unknown` lists those of which nobody can tell."""
        latest = before or host.clock.now() + timedelta(days=1)
        async with host.database.pool.acquire() as connection:
            rows = await sends.newest(connection, channel, state, latest, limit)
        return [view(row) for row in rows]

    @router.get("/messages/{message_id}", dependencies=[MayLook], responses=_problems(404))
    async def show_message(message_id: MessageId) -> MessageView:
        """One message and what became of it."""
        async with host.database.pool.acquire() as connection:
            row = await sends.read(connection, message_id)
        if row is None:
            raise Problem(404, "No such message", "There is no message of this id.", field="message_id")
        return view(row)


def view(row: Row) -> MessageView:
    """The message as people see it."""
    return MessageView(
        message_id=row.message_id,
        channel=row.channel,
        kind=row.kind,
        to=row.address,
        state=row.state,
        progress=row.progress,
        attempts=row.attempts,
        external_id=row.external_id,
        code=row.code,
        reason=row.reason,
        created_at=row.created_at,
        next_try_at=row.next_try_at if row.state == "queued" else None,
        expires_at=row.expires_at,
        settled_at=row.settled_at,
    )


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": ProblemBody} for status in statuses}
