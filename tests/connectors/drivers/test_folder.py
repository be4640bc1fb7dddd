"""Files in a real directory: whole ones alone, row by row, each row once."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from services.connectors.domain import Settings
from services.connectors.drivers import folder
from services.connectors.drivers.folder import Watch, folder_below
from services.connectors.drivers.inlet import Arrived, Inlet, Unreachable
from services.connectors.reading.dropped import rows_of
from services.connectors.usecases.outcome import outcome_of
from services.runtime.bus import Bus
from tests.connectors.drivers.hand import by_hand
from tests.support.wait import until

HEADING = b"id,name,text\r\n"


def drop(**settings: Any) -> dict[str, Any]:
    return {"kind": "folder", "settings": {"path": "in", "quiet": 0, **settings}, "mapping": {"id": "id"}}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(folder, "_LOOK_SECONDS", 0.05)
    (tmp_path / "in").mkdir()
    return tmp_path


def put(root: Path, name: str, body: bytes) -> None:
    (root / "in" / f".{name}").write_bytes(body)
    (root / "in" / f".{name}").rename(root / "in" / name)


def rows(
    body: bytes, at: int = 0, number: int = 0, name: str = "a.csv", **settings: Any
) -> list[tuple[bytes, int, int]]:
    import io

    found = rows_of(io.BytesIO(body), name, Settings(settings), [], at, number)
    return [(row.body, row.number, row.end) for row in found.next(1000)]


async def test_rows_of_csv_and_jsonl_become_deliveries_and_the_files_move_away(bus: Bus, root: Path) -> None:
    async with by_hand(bus, drop(), root) as hand:
        put(root, "a.csv", HEADING + b'1,Anna,"two\r\nlines"\r\n\r\n2,Boris,x,y\r\n3,Eva,last')
        put(root, "b.JSONL", b'{"id": 9007199254740993}\n\n{"id": 4,\n')
        put(root, "notes.txt", b"not wanted")
        driven = await hand.drive()
        found = await hand.stored(5)
        await until(lambda: (root / "in/done/b.JSONL").exists())
        await until(lambda: driven.state == "watching")
    assert {one.body for one in found} == {
        HEADING + b'1,Anna,"two\r\nlines"', HEADING + b"2,Boris,x,y", HEADING + b"3,Eva,last",
        b'{"id": 9007199254740993}', b'{"id": 4,',
    }  # fmt: skip
    assert sorted(path.name for path in (root / "in").iterdir()) == ["done", "notes.txt"]
    outcomes = {
        one.headers["row"] + one.headers["file"]: outcome_of(driven.inlet.channel, one) for one in found
    }
    assert outcomes["4a.csv"].verdict == "failed"
    assert outcomes["4a.csv"].reason == "row 4 of a.csv: it has 4 fields where there are 3 columns"
    assert outcomes["3b.JSONL"].reason.startswith("row 3 of b.JSONL: the body is not JSON")
    assert outcomes["1b.JSONL"].found[0].fact.external_id == "9007199254740993"


async def test_killed_after_every_batch_each_row_is_there_once_and_the_cursor_goes_on(
    bus: Bus, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "_ROWS_AT_ONCE", 10)
    real, calls = Inlet.store, 0
    dying = asyncio.Event()

    async def store(inlet: Inlet, *arrived: Arrived) -> None:
        nonlocal calls
        calls += 1
        await real(inlet, *arrived)
        if calls % 3 == 0:  # stored, and the cursor does not know
            dying.set()
            await asyncio.Event().wait()

    monkeypatch.setattr(Inlet, "store", store)
    body = HEADING + b"".join(b"%d,Anna,hello\r\n" % number for number in range(100))
    async with by_hand(bus, drop(), root) as hand:
        put(root, "a.csv", body)
        while not (root / "in/done/a.csv").exists():
            dying.clear()
            driven = await hand.drive()
            await until(lambda: dying.is_set() or (root / "in/done/a.csv").exists())
            await driven.kill()
        found = await hand.stored(100)
        assert len(hand.started) > 4
        assert calls < 20  # it went on where it stood
    assert {one.body for one in found} == {HEADING + b"%d,Anna,hello" % number for number in range(100)}
    assert len(found) == 100
    put(root, "again.csv", body)
    monkeypatch.setattr(Inlet, "store", real)
    async with by_hand(bus, drop(), root) as hand:
        await hand.drive()
        await until((root / "in/done/again.csv").exists)
        assert len(await hand.stored(100)) == 100


async def test_a_file_in_utf_16_is_one_failed_delivery_and_lies_apart(bus: Bus, root: Path) -> None:
    async with by_hand(bus, drop(), root) as hand:
        put(root, "a.csv", (HEADING.decode() + "1,a,b\r\n").encode("utf-16"))
        driven = await hand.drive()
        [found] = await hand.stored(1)
        await until((root / "in/failed/a.csv").exists)
    assert "UTF-16" in outcome_of(driven.inlet.channel, found).reason


async def test_only_whole_files_are_taken(root: Path) -> None:
    def watch(**settings: Any) -> Watch:
        inlet: Any = type("Fake", (), {})()
        inlet.root, inlet.channel = root, type("Channel", (), {})()
        inlet.channel.settings = Settings({"path": "in", "pattern": ["*.csv"], "quiet": 0, **settings})
        return Watch(inlet)

    now = 0.0
    quiet = watch(quiet=10)
    quiet._clock = lambda: now
    put(root, "a.csv", b"id\n1\n")
    for name in ("b.csv.part", ".c.csv", "d.csv~"):
        (root / "in" / name).write_bytes(b"x")
    (root / "secret").write_bytes(b"id\n1\n")
    (root / "in/link.csv").symlink_to(root / "secret")
    os.mkfifo(root / "in/pipe.csv")
    (root / "in/sub.csv").mkdir()
    assert quiet.complete() == []
    now = 9.0
    with (root / "in/a.csv").open("ab") as file:
        file.write(b"2\n")
    assert quiet.complete() == []
    now = 18.0
    assert quiet.complete() == []
    now = 19.0
    assert quiet.complete() == ["a.csv"]
    marked = watch(complete="marker")
    assert marked.complete() == []
    (root / "in/a.csv.done").touch()
    assert marked.complete() == ["a.csv"]
    assert watch().complete() == ["a.csv"]


@pytest.mark.parametrize("path", ["..", "in/../..", "/etc", "gone", "out", "a.csv", "in\0"])
def test_no_path_leads_out_of_the_root(path: str, root: Path) -> None:
    (root / "out").symlink_to("/")
    (root / "a.csv").touch()
    with pytest.raises(Unreachable):
        folder_below(root, path)
    assert folder_below(root, "in") == root.resolve() / "in"
    with pytest.raises(Unreachable, match="LEADWIRE_FOLDER_ROOT"):
        folder_below(None, "in")


def away(path: Path, where: str) -> None:
    folder._away(path, where, folder.identity(path.lstat()))


async def test_a_file_that_takes_the_place_of_one_that_is_read_is_read_too(
    bus: Bus, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Inlet.store
    later = [HEADING + b"2,Boris,new\r\n"]

    async def store(inlet: Inlet, *arrived: Arrived) -> None:
        await real(inlet, *arrived)
        if later:
            put(root, "a.csv", later.pop())

    monkeypatch.setattr(Inlet, "store", store)
    async with by_hand(bus, drop(), root) as hand:
        put(root, "a.csv", HEADING + b"1,Anna,old\r\n")
        await hand.drive()
        found = await hand.stored(2)
        await until((root / "in/done/a.csv").exists)
    assert {one.body for one in found} == {HEADING + b"1,Anna,old", HEADING + b"2,Boris,new"}


def test_names_that_are_taken_and_links_do_not_lose_a_finished_file(root: Path) -> None:
    for _ in range(3):
        put(root, "a.csv", b"x")
        away(root / "in/a.csv", "done")
    assert sorted(path.name for path in (root / "in/done").iterdir()) == ["a.1.csv", "a.2.csv", "a.csv"]
    folder._away(root / "in/gone.csv", "done", [])
    (root / "in/failed").symlink_to("/tmp")
    put(root, "a.csv", b"x")
    with pytest.raises(Unreachable, match="link"):
        away(root / "in/a.csv", "failed")


def test_every_row_is_gone_on_with_at_the_byte_behind_it() -> None:
    body = b'id;"na\nme"\n"1";x\n\n2;"a;\r\n""b"\r\n3;5" pipe\n4;\n'
    whole = rows(body)
    assert [row for row, _, _ in whole] == [
        b'id;"na\nme"\n' + row for row in (b'"1";x', b'2;"a;\r\n""b"', b'3;5" pipe', b"4;")
    ]
    assert [number for _, number, _ in whole] == [2, 4, 5, 6]
    assert whole[-1][2] == len(body)
    for place, (_, number, end) in enumerate(whole):
        assert rows(body, end, number) == whole[place + 1 :]
    assert rows(b"1,2\n3,4", columns=["a", "b"]) == [(b"1,2", 1, 4), (b"3,4", 2, 7)]
    assert rows(b"") == rows(b"id\n") == rows(b"", name="a.jsonl") == []


def test_a_quote_that_is_never_closed_costs_a_bounded_piece() -> None:
    body = b'id,text\n1,"open\n' + b"2,%s\n" % (b"x" * 1000) * 500 + b"3,last\n"
    found = rows(body)
    assert max(len(row) for row, _, _ in found) < 140_000
    assert found[-1][0] == b"id,text\n3,last"
    long = rows(b"id\n" + b"y" * (3 * 1024 * 1024) + b"\n5\n")
    assert long[-1][0] == b"id\n5"
