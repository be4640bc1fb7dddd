"""Access tokens over HTTP."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from services.hub.api.control import Control
from services.runtime.auth import Caller, create_token, require, revoke_tokens, tokens
from services.runtime.streams import TOKENS_BUCKET

MayAdminister = Annotated[Caller, Depends(require("admin"))]
Name = Annotated[str, Field(pattern=r"^[^\x00-\x1f]{1,100}$", examples=["anna"])]
Role = Literal["admin", "operator", "marketing", "sales", "viewer"]


class NewToken(BaseModel):
    """A token to be made."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"name": "anna", "roles": ["sales"]}}
    )

    name: Name = Field(description="Who will use it.")
    roles: list[Role] = Field(min_length=1, max_length=5)


class MadeToken(BaseModel):
    """A token, shown this once."""

    token: str = Field(examples=["lw_..."])
    name: str
    roles: list[str]


class TokenView(BaseModel):
    """What is known of a token; itself it is nowhere."""

    name: str = Field(examples=["anna"])
    roles: list[str] = Field(examples=[["sales"]])
    created_at: str = Field(examples=["2026-01-15T10:00:00+00:00"])


class Revoked(BaseModel):
    """What was taken back."""

    revoked: int = Field(description="How many tokens there were.", examples=[1])


class TokenRoutes:
    """/tokens."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def add_to(self, router: APIRouter) -> None:
        """Register the routes."""
        tags: list[Any] = ["tokens"]
        router.post("/tokens", tags=tags, status_code=201, summary="Make a token")(self.create)
        router.get("/tokens", tags=tags, summary="Every token that works")(self.list_all)
        router.delete("/tokens/{name}", tags=tags, summary="Take back every token of a name")(self.revoke)

    async def create(self, _caller: MayAdminister, wanted: NewToken) -> MadeToken:
        """The answer is the only place where the token is ever shown."""
        kv = await self._control.bus.kv(TOKENS_BUCKET)
        made = await create_token(kv, wanted.name, wanted.roles, now=self._control.clock.now())
        return MadeToken(token=made, name=wanted.name, roles=sorted(set(wanted.roles)))

    async def list_all(self, _caller: MayAdminister) -> list[TokenView]:
        """Names and roles, oldest first."""
        kv = await self._control.bus.kv(TOKENS_BUCKET)
        return [
            TokenView(name=one.name, roles=list(one.roles), created_at=one.created_at)
            for one in await tokens(kv)
        ]

    async def revoke(
        self, _caller: MayAdminister, name: Annotated[str, Path(max_length=100, examples=["anna"])]
    ) -> Revoked:
        """They stop working within ten seconds."""
        kv = await self._control.bus.kv(TOKENS_BUCKET)
        return Revoked(revoked=await revoke_tokens(kv, name))
