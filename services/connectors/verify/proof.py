"""What a manifest says of how a delivery proves where it comes from."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.connectors.verify.presented import LOCATION

Algorithm = Literal["md5", "sha1", "sha256", "sha512"]
Encoding = Literal["hex", "base64", "hex_base64"]
SchemeName = Literal[
    "none",
    "shared_secret",
    "basic",
    "hmac",
    "digest",
    "signed_fields",
    "twilio",
    "standard_webhooks",
    "ecdsa",
]
# What each scheme cannot do without.
_NEEDS: dict[str, tuple[str, ...]] = {
    "none": ("why",),
    "shared_secret": ("at", "secret"),
    "basic": ("user", "secret"),
    "hmac": ("at", "secret"),
    "digest": ("at", "secret"),
    "signed_fields": ("at", "secret", "by", "fields"),
    "twilio": ("secret",),
    "standard_webhooks": ("secret",),
    "ecdsa": ("at", "secret"),
}
# A secret in these parts of an address is cut out before the delivery is kept.
_LOCATED = ("at", "times", "by")


class Verification(BaseModel):
    """A stock scheme and what it needs to know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scheme: SchemeName
    at: str = Field(default="", description="Where the secret or the signature stands, as a location.")
    secret: str = Field(default="", description="The setting that holds the secret.")
    why: str = Field(default="", description="Why nothing is proved, for the scheme `none`.")
    user: str = Field(default="", description="The setting that holds the user, for the scheme `basic`.")
    prefix: str = Field(default="", description="What stands before the secret or the signature.")
    algorithm: Algorithm = Field(default="sha256", description="The hash.")
    encoding: Encoding = Field(default="hex", description="hex_base64 is the hex text in base64.")
    signs: str = Field(default="{body}", description="What is signed, as a template.")
    times: str = Field(default="", description="Where the time of signing stands, as a location.")
    unit: Literal["s", "ms"] = Field(default="s", description="Unit of that time, from 1970.")
    tolerance: int = Field(default=300, gt=0, description="Seconds by which it may differ from ours.")
    by: str = Field(default="", description="Location whose value chooses among `fields` or `templates`.")
    fields: dict[str, tuple[str, ...]] = Field(default_factory=dict, description="Signed fields by event.")
    templates: dict[str, str] = Field(
        default_factory=dict,
        description="For `digest`: what is signed by event. The first fits whose key is the value at `by`, a"
        " location where something stands, or *.",
    )
    networks: str = Field(default="", description="Setting with the addresses that may deliver.")
    unless: str = Field(default="", description="Flag that switches the proof off on purpose.")

    @model_validator(mode="after")
    def _complete(self) -> "Verification":
        for name in _NEEDS[self.scheme]:
            if not getattr(self, name):
                raise ValueError(f"the scheme {self.scheme} needs `{name}`")
        for name in _LOCATED:
            location = getattr(self, name)
            if location and not LOCATION.fullmatch(location):
                raise ValueError(f"{name} must be a location such as header:x-token or field:secret")
        if self.templates and self.scheme != "digest":
            raise ValueError("`templates` is for the scheme digest")
        return self

    @property
    def settings(self) -> tuple[str, ...]:
        """The settings it reads, which the manifest must declare."""
        return tuple(filter(None, (self.secret, self.user, self.networks, self.unless)))
