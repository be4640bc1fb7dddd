"""What a fact or a command declares about itself, and the subject and stream that follow from it."""

import zlib
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

PARTITIONS = 16
COMMANDS_STREAM = "COMMANDS"

Standing = Literal["snapshot", "change"]


class Model(BaseModel):
    """A value inside a contract. Unknown fields are ignored, so that a newer sender can be read."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Contract(Model):
    """Something that crosses the bus. `TYPE` is its subject without the partition; it ends in its version."""

    TYPE: ClassVar[str]
    OWNER: ClassVar[str]

    def key(self) -> str:
        """What must stay in order: later contracts of one key wait behind an earlier one."""
        raise LookupError(f"{type(self).__name__} declares no key")

    def entity(self) -> str:
        """The id of the thing this is about; the `subject` of the CloudEvents envelope."""
        return self.key()


class Fact(Contract):
    """Something that happened. A stale `snapshot` may be dropped, a `change` never."""

    STANDING: ClassVar[Standing]


class Command(Contract):
    """Something a service is asked to do; `OWNER` is the service that does it."""


def known(base: type[Contract] = Contract) -> dict[str, type[Contract]]:
    """Every contract that has been imported, by its type."""
    found: dict[str, type[Contract]] = {}
    for contract in base.__subclasses__():
        if "TYPE" in vars(contract):
            found[contract.TYPE] = contract
        found |= known(contract)
    return found


def partition(key: str) -> str:
    """The two-digit partition of a key: stable over processes, machines and releases."""
    return f"{zlib.crc32(key.encode()) % PARTITIONS:02d}"


def stream_of(contract: type[Contract]) -> str:
    """The JetStream stream that holds this contract."""
    return COMMANDS_STREAM if issubclass(contract, Command) else f"CRM_{contract.OWNER.upper()}"


def subject_of(contract: Contract) -> str:
    """The subject this is published to; a fact's carries its partition, never an id."""
    if isinstance(contract, Command):
        return contract.TYPE
    return f"{contract.TYPE}.{partition(contract.key())}"


def plain(contract: Contract) -> dict[str, Any]:
    """The contract as JSON-ready data."""
    return contract.model_dump(mode="json")
