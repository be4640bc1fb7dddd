"""The board of live calls: two streams in any order, comers and goers, bounded in every direction."""

import asyncio
import json
from datetime import timedelta
from uuid import UUID

import pytest

from services.leads.live import board as boards
from services.leads.live.board import Board, Full
from services.runtime.event_stream import MOST_WAITING, Listener
from tests.leads.stage import BEGIN

ONE, TWO = UUID(int=1), UUID(int=2)
KEEP = timedelta(minutes=30)


@pytest.fixture
def board() -> Board:
    return Board(KEEP, 3)


def rings(board: Board, call: UUID, seq: int, after: float = 0) -> None:
    data = json.dumps({"call_id": str(call)}).encode()
    board.identified(call, data, seq, BEGIN + timedelta(seconds=after))


def comes_to(board: Board, call: UUID, name: str, seq: int, after: float = 1) -> None:
    data = json.dumps({"call_id": str(call)}).encode()
    board.came_to(call, name, data, seq, BEGIN + timedelta(seconds=after))


def read(events: "list[bytes] | tuple[bytes, ...]") -> list[tuple[str, int]]:
    """The name of each event, and the number of its call."""
    lines = [dict(row.split(": ", 1) for row in event.decode().splitlines() if row) for event in events]
    return [
        (row["event"], UUID(json.loads(row["data"]).get("call_id", str(UUID(int=0)))).int) for row in lines
    ]


def last_id(events: "list[bytes]") -> str:
    return events[-1].split(b"\n", 1)[0].removeprefix(b"id: ").decode()


async def taken(listener: Listener) -> list[bytes]:
    """Everything that waits for a listener."""
    found: list[bytes] = []
    try:
        while True:
            async with asyncio.timeout(0.01):
                found.append(await listener.next())
    except TimeoutError:
        return found


def first(board: Board, last: str | None = None, after: float = 10) -> list[tuple[str, int]]:
    """What somebody is sent who comes now."""
    listener = board.listen(last, BEGIN + timedelta(seconds=after))
    board.leave(listener)
    return read(list(listener.first))


async def test_a_call_is_told_as_it_goes_once_however_often_it_is_heard(board: Board) -> None:
    listener = board.listen(None, BEGIN)
    for _ in range(2):
        rings(board, ONE, 7)
        comes_to(board, ONE, "answered", 40)
        comes_to(board, ONE, "ended", 41)
    assert read(await taken(listener)) == [("identified", 1), ("answered", 1), ("ended", 1)]


async def test_a_call_that_was_over_before_it_was_known_whose_is_told_all_the_same(board: Board) -> None:
    listener = board.listen(None, BEGIN)
    comes_to(board, ONE, "answered", 40)
    assert await taken(listener) == []
    rings(board, ONE, 7)
    assert read(await taken(listener)) == [("identified", 1), ("answered", 1)]
    assert first(board) == []


def test_who_comes_is_shown_what_rings(board: Board) -> None:
    rings(board, ONE, 7)
    rings(board, TWO, 8)
    comes_to(board, ONE, "answered", 40)
    assert first(board) == [("identified", 2)]


async def test_who_comes_again_is_told_what_they_missed_by_any_replica(board: Board) -> None:
    other = Board(KEEP, 3)
    listener = board.listen(None, BEGIN)
    rings(board, ONE, 7)
    seen = last_id(await taken(listener))
    for each in (board, other):
        rings(each, ONE, 7)
        rings(each, TWO, 9, after=1)
        comes_to(each, TWO, "answered", 40)
        comes_to(each, ONE, "ended", 41)
        assert first(each, seen) == [("ended", 1), ("identified", 2), ("answered", 2)]


async def test_an_outcome_that_was_heard_first_is_not_missed_elsewhere(board: Board) -> None:
    """The id of an event may be beyond an outcome that its reader was not told yet."""
    comes_to(board, TWO, "ended", 50)
    listener = board.listen(None, BEGIN)
    rings(board, ONE, 7)
    seen = last_id(await taken(listener))
    other = Board(KEEP, 3)
    rings(other, ONE, 7)
    rings(other, TWO, 8)
    comes_to(other, TWO, "ended", 50)
    assert first(other, seen) == [("identified", 2), ("ended", 2)]


@pytest.mark.parametrize("last", ["nonsense", "1-2", "9-40-99999999999999999999", "99-40-1772442000"])
def test_who_cannot_be_told_what_they_missed_begins_anew(board: Board, last: str) -> None:
    rings(board, ONE, 7)
    comes_to(board, TWO, "ended", 40)
    assert first(board, last) == [("reset", 0), ("identified", 1)]


async def test_who_was_away_for_too_long_begins_anew(board: Board) -> None:
    listener = board.listen(None, BEGIN)
    rings(board, ONE, 7)
    seen = last_id(await taken(listener))
    rings(board, TWO, 8, after=1900)
    assert first(board, seen, after=1900) == [("reset", 0), ("identified", 1), ("identified", 2)]


async def test_a_call_of_which_nothing_more_is_heard_is_given_up_and_later_forgotten(board: Board) -> None:
    listener = board.listen(None, BEGIN)
    rings(board, ONE, 7)
    seen = last_id(await taken(listener))
    board.forget(BEGIN + KEEP)
    assert await taken(listener) == []
    board.forget(BEGIN + KEEP + timedelta(seconds=1))
    assert read(await taken(listener)) == [("ended", 1)]
    assert first(board) == []
    comes_to(board, ONE, "ended", 44, after=1900)
    assert await taken(listener) == [], "it was told before that it is over"
    board.forget(BEGIN + 3 * KEEP)
    assert first(board, seen, after=60) == [("reset", 0)]


def test_no_more_look_on_than_may_and_who_leaves_makes_room(board: Board) -> None:
    listeners = [board.listen(None, BEGIN) for _ in range(3)]
    with pytest.raises(Full):
        board.listen(None, BEGIN)
    board.leave(listeners[0])
    board.listen(None, BEGIN)


def test_who_does_not_keep_up_is_let_go_and_nobody_else_is(board: Board) -> None:
    slow, quick = board.listen(None, BEGIN), board.listen(None, BEGIN)
    for seq in range(1, MOST_WAITING + 2):
        rings(board, UUID(int=seq), seq)
        asyncio.run(quick.next())
    assert (slow.gone.is_set(), quick.gone.is_set()) == (True, False)
    board.listen(None, BEGIN)
    board.listen(None, BEGIN)


def test_a_flood_of_calls_is_not_kept(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boards, "MOST_CALLS", 10)
    for seq in range(1, 30):
        rings(board, UUID(int=seq), seq)
        comes_to(board, UUID(int=1000 + seq), "ended", seq)
    board.forget(BEGIN)
    assert [number for _, number in first(board)] == [25, 26, 27, 28, 29]
