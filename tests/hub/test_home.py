import stat
from pathlib import Path

from services.hub.home import Home


def test_a_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    made = home.once("x.secret")
    assert len(made) >= 32
    assert Home(tmp_path).once("x.secret") == made
    assert stat.S_IMODE((tmp_path / "secrets" / "x.secret").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_what_a_crash_left_half_written_is_written_again(tmp_path: Path) -> None:
    home = Home(tmp_path)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / ".x.new").write_text("half")
    (tmp_path / "secrets" / "y").write_text("\n")
    home.keep("x", "whole")
    assert home.read("x") == "whole"
    assert home.read("y") is None
    assert home.read("z") is None
