"""What this service can be told by its environment."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field, IPvAnyNetwork, SecretStr

from services.runtime.settings import PartnerName, Settings


class ConnectorsSettings(Settings):
    """Every one of them is LEADWIRE_<NAME>, or LEADWIRE_CONNECTORS_<NAME> for this service alone."""

    SERVICE: ClassVar[str] = "connectors"

    intake_limit: int = Field(
        default=10 * 1024 * 1024, ge=1024, description="Largest delivery taken, in bytes."
    )
    intake_deadline: float = Field(
        default=4.0, gt=0, le=30, description="Seconds to try the bus before a sender is sent away."
    )
    intake_rate: int = Field(
        default=0,
        ge=0,
        description="Most deliveries a minute from one network address to one channel and process; more are"
        " refused with 429. 0 refuses none. What a channel's guard sets aside is counted apart.",
    )
    sender_key: SecretStr = Field(
        default=SecretStr(""),
        description="Key under which a guard names network addresses, the same for all replicas. Made of the"
        " database's address and password if left out.",
    )
    keep_calls_days: int = Field(
        default=60,
        ge=1,
        description="Days that calls and the ids of receipts and changes are remembered, so that none is told"
        " twice; at least a week longer than raw deliveries are kept, which may be parsed again.",
    )
    partners: tuple[PartnerName, ...] = Field(
        default=(),
        description='Partners with a stream by `leadwire provision`, read by connectors, as JSON: ["acme"].',
    )
    folder_root: Path | None = Field(
        default=None,
        description="Directory below which channels of the kind folder take files; without it none does.",
    )
    files_limit: int = Field(
        default=25 * 1024 * 1024, ge=1024, description="Largest attachment or recording kept, in bytes."
    )
    files_at_once: int = Field(
        default=4, ge=1, le=50, description="Most files fetched at once; of one channel, two."
    )
    files_seconds: float = Field(
        default=300, gt=0, le=3600, description="Seconds that one attempt to fetch a file may take."
    )
    files_first_pause: float = Field(
        default=30, gt=0, description="Seconds before a file that failed is tried again; doubled each time."
    )
    files_longest_pause: float = Field(
        default=6 * 3600, gt=0, description="Longest pause between two attempts, in seconds."
    )
    files_patience_hours: float = Field(
        default=72, gt=0, description="Hours that a file is tried before it is given up with an alarm."
    )
    files_gone_after: float = Field(
        default=3600,
        ge=0,
        description="Seconds after which a second 404 or 410 means that the file is gone for good.",
    )
    files_networks: tuple[IPvAnyNetwork, ...] = Field(
        default=(),
        description="Networks that files may be fetched from though they are not public, as JSON:"
        ' ["10.1.2.0/24"]. Addresses of files come from outside: name as little as possible.',
    )
    files_url: str = Field(
        default="",
        pattern="^(s3://.+)?$",
        description="Where files are kept: s3://bucket/folder?endpoint=https://...&region=..., or, left out,"
        " in the object store of the bus.",
    )
    files_key: SecretStr = Field(
        default=SecretStr(""), description="Access key of the bucket; without one the machine's role is used."
    )
    files_secret: SecretStr = Field(default=SecretStr(""), description="Secret key of the bucket.")
    keep_files_days: int = Field(
        default=0, ge=0, description="Days that attachments and recordings are kept; 0 keeps them."
    )
    inlet_url: str = Field(
        default="",
        description="Where vendors reach this hub, such as https://hub.example: some sign the address they"
        " call. Without it the address is taken from the request.",
    )
    smtp_inlet_host: str = Field(default="127.0.0.1", description="Address that SMTP listens on.")
    smtp_inlet_port: int = Field(
        default=2525, ge=0, le=65535, description="Port that SMTP listens on; 0 picks a free one."
    )
    lmtp_inlet_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Port that LMTP listens on, at the address of SMTP; off without it.",
    )
    lmtp_inlet_socket: Path | None = Field(
        default=None, description="Unix socket that LMTP listens on; off without it."
    )
    smtp_name: str = Field(default="localhost", description="Host name that the SMTP greeting tells.")
    smtp_sessions: int = Field(
        default=200, ge=1, description="Most SMTP sessions at once; more are asked to come later."
    )
    smtp_hops: int = Field(
        default=50, ge=1, description="Most Received headers; a mail with more runs in a circle."
    )
    smtp_certificate: Path | None = Field(default=None, description="PEM chain; with it STARTTLS is offered.")
    smtp_key: Path | None = Field(default=None, description="PEM key of the certificate.")
    send_timeout: float = Field(
        default=30.0, gt=0, le=300, description="Seconds that a vendor has for its answer to a message."
    )
    send_patience_hours: float = Field(
        default=24.0,
        gt=0,
        le=720,
        description="Hours that a message is tried; after that it failed. `not_after` may end it sooner.",
    )
