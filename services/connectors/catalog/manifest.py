"""What a kind declares about itself in `manifest.toml`, beside its code."""

import re
from datetime import date
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from contracts.interactions import Medium
from services.connectors.catalog.polling import Polling
from services.connectors.catalog.sending import Sending
from services.connectors.reading.frames import FRAMINGS
from services.connectors.verify import LOCATION, Verification

Transport = Literal["webhook", "poll", "imap", "smtp", "ami", "ari", "esl", "smpp", "nats", "folder"]
# Over these the bytes come by HTTP and are answered.
HTTP: tuple[Transport, ...] = ("webhook",)
# For these a driver of ours fetches or listens; the name is that of its module.
DRIVEN: tuple[Transport, ...] = ("poll", "imap", "ami", "ari", "esl", "smpp", "folder")
_EVENT = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.:-]{0,79}")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Owed(_Strict):
    """What the vendor gets. `style` browser: a page, a redirect or JSON.

    Body and headers are templates: `{setting:NAME}`, `{query:NAME}`, `{field:PATH}`, `{header:NAME}`.
    """

    style: Literal["plain", "browser"] = "plain"
    status: int = Field(default=200, ge=200, le=399)
    body: str = ""
    content_type: str = "text/plain; charset=utf-8"
    headers: dict[str, str] = Field(default_factory=dict)
    instead: dict[int, int] = Field(
        default_factory=dict, description="A refusal's status: the one this vendor needs instead."
    )

    @field_validator("instead", mode="before")
    @classmethod
    def _numbers(cls, given: Any) -> Any:
        """Keys of TOML are text."""
        return {int(key): value for key, value in given.items()} if isinstance(given, dict) else given


class Reply(_Strict):
    """An answer of its own for some requests: a handshake, a probe, an event that expects something.

    With `store` the request is kept and parsed like any other; else the answer is all there is.
    """

    event: str
    method: str = "POST"
    when: dict[str, str] = Field(description="Location: the value there, or * for any value.")
    proof: dict[str, str] = Field(default_factory=dict, description="Location: the secret it must hold.")
    verified: bool = Field(default=False, description="Whether the scheme must hold before the answer.")
    store: bool = False
    status: int = Field(default=200, ge=200, le=399)
    body: str = ""
    content_type: str = "text/plain; charset=utf-8"
    headers: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _complete(self) -> "Reply":
        if self.store and self.method == "OPTIONS":
            raise ValueError("a reply to OPTIONS is all there is: it cannot be stored")
        for location in (*self.when, *self.proof):
            if not LOCATION.fullmatch(location):
                raise ValueError(f"{location} is no location such as query:name or field:name")
        return self


class Setting(_Strict):
    """One setting of a channel of this kind."""

    type: Literal["text", "texts", "origins", "networks", "flag", "number", "choice", "secret"]
    description: str
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    transport: Transport | None = Field(
        default=None, description="Where `required` holds for channels of this transport alone."
    )

    def needed(self, transport: str) -> bool:
        """Whether a channel of this transport cannot do without it."""
        return self.required and self.transport in (None, transport)


class Source(_Strict):
    """Where facts and examples come from."""

    mark: str = Field(min_length=1, description="How `fixtures/SOURCES.toml` names it.")
    title: str
    url: str = ""


class Proven(_Strict):
    """Seen live: when and what."""

    date: date
    what: str


class Manifest(_Strict):
    """Everything that is to be known of a kind beside how it is parsed."""

    title: str
    transport: Transport
    also: Transport | None = Field(
        default=None, description="Another transport, taken by channels whose setting `receive` names it."
    )
    medium: Medium
    verification: Verification
    answer: Owed = Owed()
    replies: tuple[Reply, ...] = ()
    methods: tuple[str, ...] = ("POST",)
    headers: tuple[str, ...] = Field(
        default=(), description="Request headers kept beside the body, lower case."
    )
    distinct: tuple[str, ...] = Field(
        default=(), description="Locations that tell deliveries of the same body apart."
    )
    example_type: str = Field(description="Content type of a bare body, for trying out.")
    framing: str = Field(default="", description="How a recorded stream falls into deliveries.")
    limit: float = Field(default=10.0, gt=0.5, description="Seconds the vendor waits for an answer.")
    retries: str = Field(default="", description="What the vendor does when it gets none, in words.")
    mapping: bool = Field(default=False, description="Whether channels may map fields.")
    sending: Sending | None = Field(default=None, description="How it sends, if it does.")
    events: dict[str, Literal["accepted", "ignored"]] = Field(min_length=1)
    settings: dict[str, Setting] = Field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    proven: tuple[Proven, ...] = ()
    poll: Polling | None = None

    @model_validator(mode="after")
    def _complete(self) -> "Manifest":
        for name in self.verification.settings:
            if name not in self.settings:
                raise ValueError(f"verification names the setting {name}, which [settings] lacks")
        for reply in self.replies:
            for name in reply.proof.values():
                if name not in self.settings or self.settings[name].type != "secret":
                    raise ValueError(f"the reply {reply.event} needs the secret setting {name}")
        for sort, name in sorted(self.poll.names if self.poll else ()):
            if name not in self.settings or (self.settings[name].type == "secret") != (sort == "secret"):
                raise ValueError(f"poll names {{{sort}:{name}}}, which [settings] lacks")
        if (self.poll is None) == ("poll" in (self.transport, self.also)):
            raise ValueError("[poll] belongs to the transport poll, and that needs it")
        receive = self.settings.get("receive")
        if self.also is not None and not (receive and set(receive.choices) == {self.transport, self.also}):
            raise ValueError("`also` needs the setting receive, a choice of both transports")
        for name in self.sending.needs if self.sending else ():
            if name not in self.settings:
                raise ValueError(f"sending needs the setting {name}, which [settings] lacks")
        if self.framing and self.framing not in FRAMINGS:
            raise ValueError(f"framing must be one of {', '.join(sorted(FRAMINGS))}")
        for event in (*self.events, *(reply.event for reply in self.replies)):
            if not _EVENT.fullmatch(event):
                raise ValueError(f"the event {event!r} cannot be part of a file name")
        return self

    def transport_for(self, receive: object) -> Transport:
        """How the deliveries of a channel come whose setting `receive` is this."""
        return self.also if self.also is not None and receive == self.also else self.transport

    @cached_property
    def asked(self) -> frozenset[str]:
        """The HTTP methods this kind takes, those of its replies included."""
        return frozenset((*self.methods, *(reply.method for reply in self.replies)))
