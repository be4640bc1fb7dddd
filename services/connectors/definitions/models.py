"""The YAML of channels, as people write it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ConsentDefinition(_Strict):
    """A box that a visitor ticks."""

    field: str = Field(min_length=1, description="The form field of the box.")
    wording: str | None = Field(default=None, description="The words shown beside the box.")


class GuardDefinition(_Strict):
    """What is set aside instead of being published, until somebody releases it."""

    per_sender: str = Field(
        default="",
        examples=["10 in 10 minutes"],
        description="Most deliveries from one network address, as `10 in 10 minutes`, or off. Where"
        " browsers post, 10 in 10 minutes; elsewhere off: there the address is the vendor's.",
    )
    per_channel: str = Field(
        default="",
        examples=["300 in 10 minutes"],
        description="Most deliveries of the whole channel, or off. Where browsers post, 300 in 10 minutes;"
        " elsewhere off.",
    )
    honeypots: list[str] = Field(
        default_factory=list,
        description="Form fields that people do not see: who fills one in is no person.",
    )
    least_seconds: int = Field(
        default=2,
        ge=0,
        le=3600,
        description="Least time between showing the form and sending it, if the form tells it.",
    )
    most_links: Annotated[int, Field(ge=0)] | Literal["off"] = Field(
        default=5, description="Most links in all that was written, or off."
    )
    words: list[Annotated[str, Field(min_length=2, max_length=100)]] = Field(
        default_factory=list,
        max_length=500,
        description="Words and phrases that nobody who means us writes; `casino*` is every word that begins"
        " so. Upper and lower case are the same.",
    )
    domains: list[Annotated[str, Field(min_length=3, max_length=253)]] = Field(
        default_factory=list,
        max_length=500,
        description="Domains that nobody who means us names in links or addresses, those below included.",
    )

    @field_validator("per_sender", "per_channel", "most_links", mode="before")
    @classmethod
    def _off(cls, given: Any) -> Any:
        """YAML reads a bare `off` as no."""
        return "off" if given is False else given


class ChannelDefinition(_Strict):
    """One channel: a configured inlet of a kind from the catalogue."""

    kind: str = Field(description="A kind from the catalogue, such as form or telegram.")
    title: str = Field(default="", max_length=200, description="What people call it.")
    settings: dict[str, Any] = Field(
        default_factory=dict,
        description="As the kind's manifest lists them; secrets as ${NAME} only.",
    )
    mapping: dict[str, str | list[str]] = Field(
        default_factory=dict,
        description="name, phone, email, text, title, language, id, identity.<kind> or a field of"
        " your own: the form field it comes from, or several.",
    )
    consents: dict[str, str | ConsentDefinition] = Field(
        default_factory=dict, description="Purpose of a consent: the form field that means yes."
    )
    guard: GuardDefinition | None = Field(
        default=None, description="What is set aside until somebody releases it; {} for the usual rules."
    )


class Definitions(_Strict):
    """The part of a set of definitions that connectors owns."""

    channels: dict[str, ChannelDefinition] = Field(
        default_factory=dict, description="Channels by name; the name is part of the inlet's address."
    )
