"""How the items of a kind are fetched over HTTP: `[poll]` in its manifest."""

import re
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_PIECE = re.compile(r"\{(?:(setting|secret):([a-z][a-z0-9_]*)|(cursor|wait))\}")
_PLACE = re.compile(r"(answer|item):([A-Za-z_][A-Za-z0-9_]*)")


class Polling(BaseModel):
    """One GET that the vendor holds open until there is something.

    Address, headers and query are templates: `{setting:NAME}`, `{secret:NAME}`, `{cursor}`, `{wait}`. What
    comes out empty in headers and query is left out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    headers: dict[str, str] = Field(default_factory=dict)
    query: dict[str, str] = Field(default_factory=dict)
    wait: int = Field(default=25, ge=0, le=90, description="Seconds the vendor holds an empty answer.")
    items: str = Field(description="Field of the answer that lists the items.")
    cursor: str = Field(description="Next place: `answer:FIELD` as it is, or `item:FIELD`, the highest + 1.")
    forget: int = Field(
        default=0, ge=0, description="Hours of silence after which numbers start anew; 0 never."
    )
    after: str = Field(default="", description="Dotted field with the seconds to wait after status 429.")
    means: dict[str, str] = Field(
        default_factory=dict, description="Status of a refusal: what it means and what to do."
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not _PLACE.fullmatch(self.cursor):
            raise ValueError("poll.cursor must be answer:FIELD or item:FIELD")
        for status in self.means:
            if not (status.isdecimal() and 400 <= int(status) < 600):
                raise ValueError(f"poll.means: {status} is no status of a refusal")
        return self

    @property
    def place(self) -> tuple[str, str]:
        """Where the next cursor stands: `answer` or `item`, and the field."""
        where, _, field = self.cursor.partition(":")
        return where, field

    @property
    def names(self) -> frozenset[tuple[str, str]]:
        """What the templates name: `setting` or `secret`, and its name."""
        templates = (self.url, *self.headers.values(), *self.query.values())
        found = (piece for text in templates for piece in _PIECE.findall(text))
        return frozenset((sort, name) for sort, name, _ in found if sort)


def fill(template: str, values: dict[str, str]) -> str:
    """The template with its pieces replaced; `values` by `setting:NAME`, `secret:NAME`, `cursor`, `wait`."""
    return _PIECE.sub(lambda piece: values.get(piece[0][1:-1], ""), template)
