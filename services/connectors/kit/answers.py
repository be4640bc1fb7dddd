"""Recorded answers of vendors to messages that were sent, and what is expected to come of each."""

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from services.connectors.catalog.kinds import Kind
from services.connectors.domain.exchange import Answer
from services.connectors.domain.sending import InDoubt, Later, Outcome, Refused, Sent
from services.connectors.kit.recorded import ANSWERS
from services.connectors.reading.rawhttp import read_answer

_NAMES: dict[type[Outcome], str] = {Sent: "sent", Refused: "refused", Later: "later", InDoubt: "in doubt"}


@dataclass(frozen=True)
class RecordedAnswer:
    """One answer: status line, headers, an empty line, the body."""

    kind: Kind
    path: Path

    @cached_property
    def answer(self) -> Answer:
        """As the kind gets it. Raises Unreadable."""
        return read_answer(self.path.read_bytes())

    @property
    def outcome(self) -> Outcome:
        """What the kind makes of it."""
        return self.kind.dialect.outcome(self.answer)

    def told(self) -> dict[str, Any]:
        """That, as an expectation spells it."""
        outcome = self.outcome
        return {"outcome": _NAMES[type(outcome)], **asdict(outcome)}

    @property
    def expected_path(self) -> Path:
        """The file with what is expected."""
        return self.path.with_name(f"{self.path.stem}.expected.json")

    @property
    def as_expected(self) -> bool:
        """Whether it comes out as is written down."""
        path = self.expected_path
        return path.exists() and json.loads(path.read_text(encoding="utf-8")) == self.told()

    def write(self) -> str:
        """Write down what comes of it; a line about it."""
        mark = " " if self.as_expected else "*"
        told = self.told()
        self.expected_path.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return f"{mark} {self.path.name:<48} {told['outcome']}"


def answers_of(kind: Kind) -> list[RecordedAnswer]:
    """Every recorded answer in the kind's folder."""
    folder = kind.folder / "fixtures"
    found = sorted(folder.glob(f"{ANSWERS}*.http")) if folder.exists() else []
    return [RecordedAnswer(kind, path) for path in found]
