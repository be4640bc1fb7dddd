"""The YAML of channels, as people write it."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ConsentDefinition(_Strict):
    """A box that a visitor ticks."""

    field: str = Field(min_length=1, description="The form field of the box.")
    wording: str | None = Field(default=None, description="The words shown beside the box.")


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


class Definitions(_Strict):
    """The part of a set of definitions that connectors owns."""

    channels: dict[str, ChannelDefinition] = Field(
        default_factory=dict, description="Channels by name; the name is part of the inlet's address."
    )
