"""What a kind that sends declares about it, in `[sending]` of its manifest."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

# A little slower than the vendor allows: what leaves a moment late must not meet what leaves in time.
_HEADROOM = 1.1


class Login(BaseModel):
    """Access tokens that the hub fetches by itself, by OAuth 2 client credentials (RFC 6749 section 4.4).

    The answer's `access_token` comes to `send.py` as a secret of that name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = Field(description="Where they are asked for, below the setting api_url.")
    client: str = Field(default="client_id", description="The setting with the client's id.")
    secret: str = Field(default="client_secret", description="The setting with the client's secret.")


class Sending(BaseModel):
    """How messages leave through channels of this kind, and what the vendor allows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    needs: tuple[str, ...] = Field(
        default=(), description="Settings without which nothing is sent; what comes in needs none of them."
    )
    longest: int = Field(gt=0, description="Longest text.")
    counts: Literal["characters", "utf16", "bytes"] = Field(
        default="characters", description="What the vendor counts a text in."
    )
    per_second: float = Field(gt=0, description="Most messages in a second, of the whole channel.")
    per_recipient: float = Field(
        default=0, ge=0, description="Most messages in a second to one address; 0: the vendor has no limit."
    )
    window_hours: int = Field(
        default=0, ge=0, description="Hours after a person's last message in which one may write; 0: always."
    )
    repeatable: int = Field(
        default=0,
        ge=0,
        description="Seconds in which the vendor takes a message of the same id once; 0: it does not look.",
    )
    login: Login | None = None
    connection: bool = Field(
        default=False, description="Whether messages leave through the connection of the kind's driver."
    )
    numbers: bool = Field(
        default=False, description="Whether ids are numbers that receipts may spell decimal or hexadecimal."
    )

    @property
    def between(self) -> float:
        """Seconds between two messages of a channel."""
        return _HEADROOM / self.per_second

    @property
    def between_to_one(self) -> float:
        """Seconds between two messages to one address."""
        return _HEADROOM / self.per_recipient if self.per_recipient else 0.0

    def length(self, text: str) -> int:
        """How long the vendor finds it."""
        match self.counts:
            case "bytes":
                return len(text.encode("utf-8", "replace"))
            case "utf16":
                return len(text.encode("utf-16-le", "replace")) // 2
        return len(text)
