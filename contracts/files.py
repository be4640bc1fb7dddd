"""What connectors publishes of files: attachments of touches and recordings of calls, as they are kept."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.contract import Fact, Standing

WhyNot = Literal["gone", "too_large", "forbidden", "no_way", "too_long"]


class _File(Fact):
    """A file belongs to an interaction or to a call: one of the two ids is there."""

    OWNER: ClassVar[str] = "connectors"
    STANDING: ClassVar[Standing] = "change"

    file_id: UUID
    interaction_id: UUID | None = None
    call_id: UUID | None = None
    channel: str
    kind: str = Field(description="The channel's kind, such as telegram.")
    name: str = Field(description="As people may see it: no path, nothing that hides its ending.")

    def key(self) -> str:
        """The file."""
        return str(self.file_id)


class FileKept(_File):
    """The bytes are safe with us. Again under the same id when an operator had it fetched again."""

    TYPE: ClassVar[str] = "crm.files.kept.v1"

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="Of the bytes, in hexadecimal digits.")
    size: int = Field(ge=0, description="Bytes.")
    content_type: str = Field(description="As the bytes show it, whatever the sender says.")
    claimed_type: str | None = Field(default=None, description="As the sender says it.")
    kept_at: AwareDatetime


class FileGivenUp(_File):
    """An alarm: the bytes could not be had, and nobody tries again unless an operator says so."""

    TYPE: ClassVar[str] = "crm.files.given_up.v1"

    why: WhyNot = Field(
        description="gone: its keeper has it no more. too_large: above the limit. forbidden: it stands at an"
        " address that may not be asked. no_way: this kind of channel cannot fetch it. too_long: it failed"
        " until the time for it was over."
    )
    detail: str = Field(description="The last failure in words, without addresses and secrets.")
    attempts: int = Field(ge=0)
    wanted_at: AwareDatetime
    given_up_at: AwareDatetime
