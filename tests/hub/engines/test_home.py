import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.hub.engines.errors import EngineError
from services.hub.engines.home import SOCKET_BYTES, SOCKET_NAME, EngineHome, check_socket_path, unusable


@pytest.fixture
def held(home: Path) -> Iterator[EngineHome]:
    place = EngineHome(home / "var")
    place.hold()
    yield place
    place.release()


def test_a_new_home_keeps_its_secrets_to_its_owner(held: EngineHome) -> None:
    assert held.secrets.stat().st_mode & 0o077 == 0
    assert held.partners.stat().st_mode & 0o077 == 0
    assert held.folder.stat().st_mode & 0o066 == 0


def test_a_second_hub_in_the_same_folder_is_told_who_holds_it(held: EngineHome) -> None:
    second = (
        "import sys; from pathlib import Path; from services.hub.engines.home import EngineHome;"
        "EngineHome(Path(sys.argv[1])).hold()"
    )
    tried = subprocess.run(
        [sys.executable, "-c", second, str(held.folder)], capture_output=True, text=True, check=False
    )
    assert f"another hub (process {os.getpid()}) already runs in {held.folder}" in tried.stderr
    assert "set LEADWIRE_HOME" in tried.stderr


def test_a_folder_let_go_of_can_be_held_again(held: EngineHome) -> None:
    held.release()
    other = EngineHome(held.folder)
    other.hold()
    other.release()


def test_a_path_too_long_for_a_socket_is_refused_with_the_remedy(home: Path) -> None:
    longest = home / ("x" * (SOCKET_BYTES - len(str(home)) - len(f"//{SOCKET_NAME}")))
    check_socket_path(longest)
    with pytest.raises(EngineError, match="1 bytes too long for a socket") as refused:
        check_socket_path(longest.with_name(longest.name + "x"))
    assert "shorter path" in refused.value.remedy
    with pytest.raises(EngineError, match="too long"):
        EngineHome(home / ("ж" * 60)).hold()


def test_a_path_that_postgresql_would_take_for_two_is_refused(home: Path) -> None:
    with pytest.raises(EngineError, match="comma"):
        EngineHome(home / "a,b").hold()


def test_a_disk_almost_full_is_refused_before_anything_starts(home: Path) -> None:
    place = EngineHome(home)
    with pytest.raises(EngineError, match="almost full") as refused:
        place.hold(free_bytes=1 << 60)
    assert "free disk space" in refused.value.remedy
    # It let go of the folder.
    place.hold()
    place.release()


def test_a_file_in_the_place_of_the_folder_is_refused(home: Path) -> None:
    (home / "var").write_text("x")
    with pytest.raises(EngineError, match="cannot be used") as refused:
        EngineHome(home / "var").hold()
    assert "LEADWIRE_HOME" in refused.value.remedy


def test_a_disk_that_fills_up_during_the_start_is_called_full(home: Path) -> None:
    said = unusable(home, OSError(errno.ENOSPC, "No space left on device"))
    assert said.problem == f"the disk of {home} is full"
    assert "free disk space" in said.remedy
