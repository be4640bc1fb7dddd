"""A file that cannot be read or moved holds up no other, and people hear of it."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.connectors.drivers import folder, inlet, stuck
from services.connectors.drivers.inlet import Arrived, Inlet
from services.connectors.reading.dropped import Row, Rows
from services.runtime.bus import Bus
from tests.connectors.drivers.hand import by_hand
from tests.connectors.drivers.test_folder import HEADING, drop, put
from tests.support.wait import until

LOOK = 0.02


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(folder, "_LOOK_SECONDS", LOOK)
    (tmp_path / "in").mkdir()
    return tmp_path


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every row as often as it is stored."""
    real = Inlet.store
    stored: list[str] = []

    async def store(inlet: Inlet, *arrived: Arrived) -> None:
        stored.extend(f"{one.headers['file']} {one.headers['row']}" for one in arrived)
        await real(inlet, *arrived)

    monkeypatch.setattr(Inlet, "store", store)
    return stored


class Faulty:
    """A disk that fails for some files, and counts how often."""

    def __init__(self, error: OSError) -> None:
        self.names: set[str] = set()
        self.times = 0
        self._error = error

    def look(self, path: Any) -> None:
        if Path(path).name in self.names:
            self.times += 1
            raise self._error


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> Faulty:
    """Tests may run as root, whom no rights stop."""
    real, faulty = os.open, Faulty(PermissionError(13, "Permission denied"))

    def opened(path: Any, *arguments: Any, **more: Any) -> int:
        faulty.look(path)
        return real(path, *arguments, **more)

    monkeypatch.setattr(os, "open", opened)
    return faulty


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the driver says in the log."""
    found: list[dict[str, Any]] = []

    def note(event: str, **told: Any) -> None:
        found.append({"event": event, **told})

    for module in (inlet, stuck):
        monkeypatch.setattr(module, "log", SimpleNamespace(info=note, warning=note))
    return found


def counted() -> float:
    found = REGISTRY.get_sample_value("leadwire_folder_stuck", {"channel": "inlet"})
    assert found is not None
    return found


async def test_a_file_that_cannot_be_read_is_told_and_tried_again_while_the_others_go_on(
    bus: Bus, root: Path, locked: Faulty, rows: list[str], logged: list[dict[str, Any]]
) -> None:
    locked.names = {"anna.csv", "boris.csv"}
    for number, name in enumerate(("anna.csv", "boris.csv", "eva.csv")):
        put(root, name, HEADING + b"%d,x,y\r\n" % number)
    (root / "in/folder.csv").mkdir()
    async with by_hand(bus, drop(), root) as hand:
        driven = await hand.drive()
        await until(lambda: locked.times > 6)
        assert driven.state == (
            "watching, but 2 files cannot be taken: 'anna.csv': it cannot be read: Permission denied; "
            "correct its rights, or put it there anew"
        )
        assert (rows, counted()) == (["eva.csv 2"], 2)
        locked.names = {"boris.csv"}
        await until(lambda: driven.state.startswith("watching, but 1 file cannot be taken: 'boris.csv'"))
        (root / "in/boris.csv").unlink()
        await until(lambda: driven.state == "watching")
        assert (rows, counted()) == (["eva.csv 2", "anna.csv 2"], 0)
        locked.names = {"boris.csv"}
        put(root, "boris.csv", HEADING + b"1,x,y\r\n")
        await until(lambda: counted() == 1)
    assert counted() == 0
    assert [line["why"] for line in logged if line["event"] == "folder.stuck"] == [
        "it cannot be read: Permission denied; correct its rights, or put it there anew"
    ] * 3
    assert ".csv" not in str(logged)


async def test_a_file_that_breaks_off_in_its_middle_is_gone_on_with_where_it_broke(
    bus: Bus, root: Path, rows: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "_ROWS_AT_ONCE", 2)
    put(root, "a.csv", HEADING + b"".join(b"%d,x,y\r\n" % number for number in range(6)))
    broken = folder.identity((root / "in/a.csv").lstat())
    real, times = Rows.next, 0

    def following(file: Rows, most: int) -> list[Row]:
        nonlocal times
        if file.identity == broken and file._at > len(HEADING):
            times += 1
            raise OSError(5, "Input/output error")
        return real(file, most)

    monkeypatch.setattr(Rows, "next", following)
    async with by_hand(bus, drop(), root) as hand:
        driven = await hand.drive()
        await until(lambda: times > 2)
        put(root, "b.csv", HEADING + b"9,x,y\r\n")
        await until((root / "in/done/b.csv").exists)
        assert "Input/output error" in driven.state
        broken = []
        await until((root / "in/done/a.csv").exists)
    assert sorted(rows) == [*(f"a.csv {row}" for row in range(2, 8)), "b.csv 2"]


async def test_a_file_that_cannot_be_moved_is_read_once_and_the_others_go_on(
    bus: Bus, root: Path, rows: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, busy = Path.rename, Faulty(OSError(16, "Device or resource busy"))

    def rename(path: Path, target: Path) -> Path:
        busy.look(path)
        return real(path, target)

    monkeypatch.setattr(Path, "rename", rename)
    busy.names = {"a.csv", "b.csv"}
    for name, body in (("a.csv", HEADING + b"1,x,y\r\n"), ("b.csv", "id\n2\n".encode("utf-16"))):
        (root / "in" / name).write_bytes(body)
    async with by_hand(bus, drop(), root) as hand:
        driven = await hand.drive()
        await until(lambda: busy.times > 4)
        put(root, "c.csv", HEADING + b"3,x,y\r\n")
        await until((root / "in/done/c.csv").exists)
        assert "cannot be moved to done: Device or resource busy" in driven.state
        busy.names.clear()
        await until(lambda: driven.state == "watching")
    assert sorted(rows) == ["a.csv 2", "b.csv 1", "c.csv 2"]
    assert (root / "in/failed/b.csv").exists()
