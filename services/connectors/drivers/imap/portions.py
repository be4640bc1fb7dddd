"""How much of a folder is asked for at once."""

from collections.abc import Iterator, Sequence

from services.connectors.drivers.imap.responses import Fetched

_LISTED_AT_ONCE = 200
_FETCHED_AT_ONCE = 25
_BYTES_AT_ONCE = 4 * 1024 * 1024


def portions(uids: list[int], singly: bool) -> Iterator[list[int]]:
    """What is listed at once; `singly` each by itself, as far as the mail that is to blame may be."""
    alone = _LISTED_AT_ONCE if singly else 0
    yield from ([uid] for uid in uids[:alone])
    yield from (uids[at : at + _LISTED_AT_ONCE] for at in range(alone, len(uids), _LISTED_AT_ONCE))


def by_size(mails: Sequence[Fetched], most: int) -> Iterator[list[Fetched]]:
    """Few enough at a time that memory does not mind."""
    few: list[Fetched] = []
    room = _BYTES_AT_ONCE
    for mail in mails:
        size = min(mail.size, most) if mail.size >= 0 else most
        if few and (size > room or len(few) >= _FETCHED_AT_ONCE):
            yield few
            few, room = [], _BYTES_AT_ONCE
        few.append(mail)
        room -= size
    if few:
        yield few
