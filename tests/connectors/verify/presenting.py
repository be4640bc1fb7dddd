"""Requests to be proved, and what becomes of them."""

from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from services.connectors.domain import Settings
from services.connectors.errors import Refused
from services.connectors.verify import Held, Presented, Verification, verify

AT = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)
FORM = "application/x-www-form-urlencoded"


def held(secret: str | tuple[str, ...], **values: object) -> Held:
    live = (secret,) if isinstance(secret, str) else secret
    return Held(Settings(values), {"secret": tuple(map(SecretStr, live))})


def asked(scheme: str, **more: Any) -> Verification:
    return Verification.model_validate({"scheme": scheme, "secret": "secret", **more})


def refusal(proof: Verification, request: Presented, held: Held) -> int | None:
    try:
        verify(proof, request, held)
    except Refused as refused:
        return refused.status
    return None


def header(body: bytes, **headers: str) -> Presented:
    return Presented("POST", body, AT, {name.replace("_", "-"): value for name, value in headers.items()})


def each_bit_flipped(body: bytes) -> list[bytes]:
    return [body[:n] + bytes([body[n] ^ bit]) + body[n + 1 :] for n in range(len(body)) for bit in (1, 2)]
