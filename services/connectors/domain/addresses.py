"""Spellings of one address: people and vendors write telephone numbers with a plus and without."""

import re

_NUMBER = re.compile(r"\+?[0-9]{5,20}")


def same(address: str) -> tuple[str, ...]:
    """The address, and as what else it is known."""
    if not _NUMBER.fullmatch(address):
        return (address,)
    digits = address.removeprefix("+")
    return (digits, f"+{digits}")


def same_number(known_as: str) -> tuple[str, ...]:
    """A message's id that is a number, in its spellings: as it is, decimal and hexadecimal."""
    found = [known_as]
    if known_as.isascii() and known_as.isdecimal() and len(known_as) < 40:
        number = int(known_as)
        found += [str(number), f"{number:x}", f"{number:X}", f"{number:08x}", f"{number:08X}"]
    if re.fullmatch(r"[0-9a-fA-F]{1,32}", known_as):
        number = int(known_as, 16)
        found += [str(number), f"{number:x}", f"{number:X}"]
    return tuple(dict.fromkeys(found))
