"""The guard of a channel: simple rules by which a delivery is set aside for a person to look at. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

# Names that a form may send for the guard alone: they are never published.
OWN_PREFIX = "leadwire_"
# How many seconds the visitor had the form before sending it.
SECONDS_FIELD = "leadwire_seconds"
# The field that the drop-in script adds where nobody sees it.
TRAP_FIELD = "leadwire_website"
_LINK = re.compile(r"https?://(?:www\.)?|(?<![/\w.])www\.", re.IGNORECASE)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most so many deliveries in each span of so many minutes, the spans counted from midnight UTC."""

    most: int
    minutes: int

    def span(self, moment: datetime) -> tuple[datetime, datetime]:
        """Beginning and end of the span that a moment is in."""
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        length = timedelta(minutes=self.minutes)
        begin = midnight + (moment - midnight) // length * length
        return begin, min(begin + length, midnight + _DAY)

    def __str__(self) -> str:
        return f"{self.most} in {self.minutes} minutes"


@dataclass(frozen=True)
class Guard:
    """What a channel sets aside. Field names are in dotted spelling; a limit of None does not hold."""

    per_sender: Rate | None = None
    per_channel: Rate | None = None
    honeypots: tuple[str, ...] = ()
    least_seconds: int = 0
    most_links: int | None = None
    words: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether deliveries have to be counted."""
        return self.per_sender is not None or self.per_channel is not None

    @property
    def reads_texts(self) -> bool:
        """Whether it matters what was written."""
        return self.most_links is not None or bool(self.words or self.domains)

    def why_filled(self, fields: Mapping[str, Sequence[str]]) -> str:
        """Why a form filled in so is set aside; empty if it is not. Reasons hold nothing out of the form."""
        for name in self.honeypots:
            if any(value.strip() for value in fields.get(name, ())):
                return f"the field {name}, which people do not see, was filled in"
        for told in fields.get(SECONDS_FIELD, ()):
            seconds = told.strip()
            if seconds.isdecimal() and len(seconds) < 10 and int(seconds) < self.least_seconds:
                return f"it was sent less than {self.least_seconds} seconds after the form was shown"
        return ""

    def why_written(self, texts: Iterable[str]) -> str:
        """Why these texts are set aside; empty if they are not. Names the rule, never the text."""
        written = "\n".join(texts)
        if self.most_links is not None and len(_LINK.findall(written)) > self.most_links:
            return f"it holds more than {self.most_links} links"
        folded = written.casefold()
        for rule, said in self._patterns:
            if rule.search(folded):
                return said
        return ""

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        found = [(_word(word), f'it holds the blocked word "{word}"') for word in self.words]
        return found + [(_domain(name), f'it names the blocked domain "{name}"') for name in self.domains]


def _word(word: str) -> re.Pattern[str]:
    """The word on its own, in either case; with a star at its end, however it goes on."""
    stem = r"\s+".join(map(re.escape, word.removesuffix("*").casefold().split()))
    return re.compile(rf"(?<!\w){stem}" + ("" if word.endswith("*") else r"(?!\w)"))


def _domain(name: str) -> re.Pattern[str]:
    """The domain and everything below it, in a link or a mail address."""
    return re.compile(rf"(?<![\w-]){re.escape(name.casefold())}(?![\w-])(?!\.\w)")
