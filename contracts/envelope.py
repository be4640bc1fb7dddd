"""CloudEvents 1.0 in structured JSON, and the headers that mirror a little of it for routing.

Source: CloudEvents core specification 1.0.2 and its JSON event format. Attribute names are lower-case
without separators.
"""

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

CONTENT_TYPE = "application/cloudevents+json"
KEY_HEADER = "Leadwire-Key"


class Envelope(BaseModel):
    """One event on the bus. Times are UTC; ids are UUIDs except from outside systems."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"] = "1.0"
    id: str = Field(min_length=1, description="Unique per source; also the Nats-Msg-Id.")
    source: str = Field(min_length=1, description="Who published it, such as /leadwire/leads.")
    type: str = Field(min_length=1, description="The contract and its version.")
    subject: str | None = Field(default=None, description="The entity it is about.")
    time: AwareDatetime | None = Field(default=None, description="When it happened.")
    datacontenttype: str = "application/json"
    dataschema: str | None = None
    data: dict[str, Any] = Field(default_factory=dict)
    entityversion: int | None = Field(default=None, description="Version of the entity after this.")
    correlationid: str | None = Field(default=None, description="The enquiry this belongs to.")
    causationid: str | None = Field(default=None, description="The event that caused it.")
    traceparent: str | None = Field(default=None, description="W3C trace context.")
    revision: int | None = Field(default=None, description="Raised when a delivery is parsed again.")

    def encode(self) -> bytes:
        """The structured JSON body."""
        return self.model_dump_json(exclude_none=True).encode()

    def headers(self, key: str) -> dict[str, str]:
        """Message headers: the dedupe id, the ordering key, and what routers look at."""
        return headers(self.id, self.type, key, self.traceparent)


def headers(event_id: str, kind: str, key: str, traceparent: str | None) -> dict[str, str]:
    """The headers of a message that carries this event."""
    named = {
        "Nats-Msg-Id": event_id,
        "Content-Type": CONTENT_TYPE,
        "ce-id": event_id,
        "ce-type": kind,
        KEY_HEADER: key,
    }
    return {**named, "traceparent": traceparent} if traceparent else named


def decode(body: bytes) -> Envelope:
    """Read a structured event. Raises pydantic's ValidationError on anything else."""
    return Envelope.model_validate_json(body)
