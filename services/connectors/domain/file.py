"""Files that come with touches and calls: which ones, by what id, and when to try again."""

import re
import unicodedata
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from contracts.calls import CallRecorded, CallVoicemail
from contracts.contract import Fact
from contracts.files import WhyNot
from contracts.interactions import Attachment, InteractionReceived
from services.connectors.domain.interaction import NAMESPACE
from services.connectors.domain.text import single_line

Owner = Literal["interaction", "call"]
State = Literal["wanted", "kept", "given_up", "erased"]
_LONGEST_NAME = 150
_LONGEST_ENDING = 20
_UNPRINTABLE = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
_NOT_IN_NAMES = re.compile(r'[<>:"|?*]+')


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that a touch or a call has. Without a reference it is in the delivery, at that place there.

    `touch` is the number of the touch in its delivery, `place` that of the file in its touch.
    """

    file_id: uuid.UUID
    owner: Owner
    owner_id: uuid.UUID
    delivery_id: str
    channel: str
    kind: str
    touch: int
    place: int
    reference: str | None
    name: str
    claimed_type: str | None
    claimed_size: int


def wanted_of(fact: Fact, touch: int) -> Iterator[Wanted]:
    """The files that a fact tells of; `touch` is the number of its touch in the delivery."""
    if isinstance(fact, InteractionReceived):
        for place, file in enumerate(fact.attachments):
            yield _attached(fact, file, touch, place)
    elif isinstance(fact, CallRecorded | CallVoicemail) and fact.recording:
        yield Wanted(
            file_id("call", fact.call_id, fact.recording),
            "call",
            fact.call_id,
            fact.delivery_id,
            fact.channel,
            fact.kind,
            touch=0,
            place=0,
            reference=fact.recording,
            name=f"recording-{fact.occurred_at:%Y%m%d-%H%M%S}",
            claimed_type=None,
            claimed_size=0,
        )


def _attached(fact: InteractionReceived, file: Attachment, touch: int, place: int) -> Wanted:
    return Wanted(
        file_id("interaction", fact.interaction_id, file.reference or f"\n{place}"),
        "interaction",
        fact.interaction_id,
        fact.delivery_id,
        fact.channel,
        fact.kind,
        touch,
        place,
        file.reference,
        safe_name(file.name),
        file.content_type,
        file.size,
    )


def file_id(owner: Owner, owner_id: uuid.UUID, known_as: str) -> uuid.UUID:
    """The permanent id of a file: the same whenever the same touch or call tells of it."""
    return uuid.uuid5(NAMESPACE, "\n".join(("file", owner, str(owner_id), known_as)))


def safe_name(given: str) -> str:
    """A name without a path, without marks that turn its ending around, and not endless."""
    plain = "".join(char for char in given if unicodedata.category(char) not in _UNPRINTABLE)
    name = single_line(plain.replace("\\", "/").rsplit("/", 1)[-1], 1_000)
    name = _NOT_IN_NAMES.sub("_", name).strip(". ")
    stem, dot, ending = name.rpartition(".")
    if dot and stem and len(ending) <= _LONGEST_ENDING:
        return f"{stem[: _LONGEST_NAME - len(ending) - 1]}.{ending}"
    return name[:_LONGEST_NAME] or "file"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a file is tried: pauses double from `first` to `longest` until `whole` has passed.

    What its keeper does not have, twice, at least `gone_after` apart, is gone.
    """

    first: timedelta
    longest: timedelta
    whole: timedelta
    gone_after: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a file stands after a failure: due again, or given up for a reason."""

    due_at: datetime | None = None
    why: WhyNot | None = None
    missing_since: datetime | None = None


def after_failure(
    patience: Patience,
    *,
    now: datetime,
    since: datetime,
    attempts: int,
    missing: bool,
    missing_since: datetime | None,
    not_before: timedelta | None,
    lot: float,
) -> Standing:
    """What follows from one more failure that may pass.

    `missing`: the keeper answered that it has no such file. `not_before` is what the keeper asks for,
    `lot` (0 to 1) spreads those that failed together.
    """
    first_missing = (missing_since or now) if missing else None
    if first_missing and now - first_missing >= patience.gone_after:
        return Standing(why="gone")
    bound = min(patience.longest, patience.first * 2 ** min(max(attempts - 1, 0), 30))
    pause = bound * (0.5 + lot / 2)
    if first_missing:  # looked at again when it may be called gone, not hours later
        pause = min(pause, max(patience.first, first_missing + patience.gone_after - now))
    if not_before:
        pause = max(pause, min(not_before, patience.longest))
    if now + pause > since + patience.whole:
        return Standing(why="too_long")
    return Standing(due_at=now + pause, missing_since=first_missing)
