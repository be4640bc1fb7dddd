"""Telephone numbers as exchanges and messengers write them."""

from contracts.interactions import Identity

_NOBODY = frozenset({"", "anonymous", "unknown", "<unknown>", "restricted", "private", "unavailable", "none"})
# What Twilio and others send for a hidden number: the word on the keys of a telephone.
_KEYED = frozenset({"266696687", "7378742833", "2562533", "8656696", "86282452253"})
_SHORTEST = 7


def phone_identity(given: object, *, plus: bool = False, shortest: int = _SHORTEST) -> list[Identity]:
    """The number as an identity, or nothing for a hidden number or an extension of the house.

    With `plus` the digits are in international form without saying so. `sip:` and what follows the
    number in an address are cut off.
    """
    text = str(given if given is not None else "").strip()
    text = text.removeprefix("sip:").removeprefix("tel:").partition("@")[0].partition(";")[0].strip()
    digits = "".join(filter(str.isdecimal, text))
    if text.lower() in _NOBODY or digits in _KEYED or not shortest <= len(digits) <= 32:
        return []
    if not digits.isascii():
        return []
    international = plus or text.startswith("+")
    return [Identity(kind="phone", value=f"+{digits}" if international else digits)]


def russian_phone(given: str) -> list[Identity]:
    """As Russian exchanges write a number: international without a plus; eleven digits from 8 are dialled."""
    plus = given.isdecimal() and not (given[0] == "8" and len(given) == 11)
    return phone_identity(given, plus=plus)


def is_extension(given: object, longest: int = 5) -> bool:
    """Whether it looks like a number inside the house: a few digits."""
    text = str(given if given is not None else "").strip()
    return text.isdecimal() and 0 < len(text) <= longest
