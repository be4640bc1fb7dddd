"""Many rows in one argument: the driver then encodes one text, not an array for every column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Rowset:
    """Rows with these columns and types, given to a statement as one JSON argument."""

    types: Mapping[str, str]

    @property
    def columns(self) -> str:
        """The columns, separated by commas."""
        return ", ".join(self.types)

    def source(self, place: int = 1, alias: str = "new") -> str:
        """What stands after FROM: the rows of the argument at this place."""
        columns = ", ".join(f"{name} {kind}" for name, kind in self.types.items())
        return f"json_to_recordset(${place}::json) AS {alias} ({columns})"

    @staticmethod
    def argument(rows: Sequence[Any]) -> str:
        """Dataclasses or mappings as the argument; what is no column is passed over."""
        # The driver's own UUIDs are a subclass, which orjson leaves to `default`.
        return orjson.dumps(rows, default=str).decode()
