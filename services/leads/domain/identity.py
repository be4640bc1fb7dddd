"""Telling people apart: one spelling for every phone, email address and messenger id."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import phonenumbers
from email_validator import EmailNotValidError, validate_email

PHONE: Final = "phone"
EMAIL: Final = "email"
# These change hands or are shared, so they never prove that two contacts are one person.
WEAK_KINDS: Final = frozenset({"username", "visitor", "cookie", "device", "ip"})
# A form with more than this names nobody in particular.
MOST_IDENTITIES: Final = 16
LONGEST_KIND: Final = 40
LONGEST_VALUE: Final = 320


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """An identity in its one spelling: E.164 for phones, lower case for email."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What the identities of one interaction say about who it is.

    `strong` prove it, `weak` only hint at it, `notes` are (kind, value) that identify nobody but
    that a person may still want to read.
    """

    strong: tuple[Key, ...] = ()
    weak: tuple[Key, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()

    @property
    def keys(self) -> tuple[Key, ...]:
        """Every identity, the proving ones first."""
        return self.strong + self.weak


@dataclass(frozen=True, slots=True)
class Recognition:
    """How identities are read: the region of phones without a country code, and what is shared.

    `region` is an ISO 3166 code. `shared` identities (a reception phone) never prove anything.
    """

    region: str = "RU"
    shared: frozenset[Key] = field(default_factory=frozenset)

    def is_strong(self, key: Key) -> bool:
        """Whether holding this identity proves who somebody is."""
        return key.kind not in WEAK_KINDS and key not in self.shared

    def read(self, identities: Iterable[tuple[str, str]]) -> Reading:
        """Sort what a channel gave into proof, hints and notes; total, order kept, no repeats."""
        keys: dict[Key, None] = {}
        notes: dict[tuple[str, str], None] = {}
        for kind, value in identities:
            key = normalize(kind, value, self.region)
            if key is not None and len(keys) < MOST_IDENTITIES:
                keys[key] = None
            elif shown := clean(value).strip()[:LONGEST_VALUE]:
                notes[clean(kind).strip().lower()[:LONGEST_KIND] or "unknown", shown] = None
        return Reading(
            tuple(key for key in keys if self.is_strong(key)),
            tuple(key for key in keys if not self.is_strong(key)),
            tuple(notes)[:MOST_IDENTITIES],
        )


def clean(text: str) -> str:
    """Text without the one character that PostgreSQL cannot store."""
    return text.replace("\x00", "")


@lru_cache(maxsize=4096)
def normalize(kind: str, value: str, region: str) -> Key | None:
    """The identity in its one spelling, or None when it identifies nobody."""
    kind, value = clean(kind).strip().lower(), clean(value).strip()
    if not kind:
        return None
    if kind == PHONE:
        spelled = _phone(value, region)
    elif kind == EMAIL:
        spelled = _email(value)
    else:
        spelled = value or None
    if not spelled or len(kind) > LONGEST_KIND or len(spelled) > LONGEST_VALUE:
        return None
    return Key(kind, spelled)


def readings(text: str, region: str) -> list[Key]:
    """The identities a person may mean by what they typed, such as a phone or `telegram:4711`."""
    kind, separator, value = text.partition(":")
    typed = [(PHONE, text), (EMAIL, text)]
    if separator and kind:
        typed.append((kind, value))
    keys = (normalize(kind, value, region) for kind, value in typed)
    return list(dict.fromkeys(key for key in keys if key))


def _phone(value: str, region: str) -> str | None:
    """E.164, or None. A number with an extension belongs to a switchboard, not to a person."""
    number = _valid(value, region)
    if number is None and not value.lstrip().startswith("+"):
        # Messengers give the international number without its plus.
        number = _valid(f"+{value}", region)
    if number is None or number.extension:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _valid(value: str, region: str) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


def _email(value: str) -> str | None:
    """Lower case with an IDNA domain, or None. Dots and tags stay: only the provider knows them."""
    try:
        # Domains under .test are what demonstrations and test systems use.
        address = validate_email(value.lower(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    return f"{address.local_part}@{address.ascii_domain}"
