"""What became of one attempt to hand a letter over."""

import re
from dataclasses import dataclass
from typing import Literal

Phase = Literal["mail", "rcpt", "data", "body", "dot"]
Kind = Literal["sent", "refused", "deferred", "unknown"]

_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
# At MAIL these say that we are not let in, which is no fault of the letter: 530, 534, 535, 538 (RFC 4954).
_NOT_LET_IN = frozenset({503, 530, 534, 535, 538})


@dataclass(frozen=True, slots=True)
class Outcome:
    """`sent` and `refused` are final; `deferred` was certainly not sent; of `unknown` nobody can tell.

    `detail` is for people and holds codes only, never an address or a text.
    """

    kind: Kind
    detail: str

    @property
    def certain(self) -> bool:
        """Whether the server told us, or could not have got the letter."""
        return self.kind != "unknown"


def from_reply(phase: Phase, code: int, text: str) -> Outcome:
    """What a reply other than the expected one means (RFC 5321, section 4.2.1)."""
    words = " ".join([*_codes(code, text), "at", phase.upper()])
    if phase == "dot" and 200 <= code < 300:
        return Outcome("sent", words)
    if phase == "mail" and code in _NOT_LET_IN:
        return Outcome("deferred", words)
    if 500 <= code < 600:
        return Outcome("refused", words)
    if 400 <= code < 500:
        return Outcome("deferred", words)
    return Outcome("unknown" if phase == "dot" else "deferred", f"no proper reply at {phase.upper()}")


def from_silence(phase: Phase, what: str) -> Outcome:
    """What a timeout or a lost connection means: before the final dot nothing can have been accepted."""
    kind: Kind = "unknown" if phase == "dot" else "deferred"
    return Outcome(kind, f"{what} at {phase.upper()}")


def _codes(code: int, text: str) -> list[str]:
    enhanced = _ENHANCED.search(text)
    return [str(code), *([enhanced[1]] if enhanced else [])]
