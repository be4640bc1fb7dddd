from pathlib import Path

import pytest

from services.hub.home import Home
from services.hub.up import channel_secrets


def test_every_name_in_yaml_is_found_and_none_in_templates() -> None:
    texts = {"a.yaml": "x: ${ONE}\ny: '${TWO_2}'\nz: ${no}", "templates/t.liquid": "${THREE}"}
    assert channel_secrets.names_in(texts) == {"ONE", "TWO_2"}


def test_missing_values_are_made_once_and_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    home.keep("definitions.env", "# mine\nONE=kept\n")
    monkeypatch.setenv("THREE", "from outside")
    assert channel_secrets.make_missing(home, {"ONE", "TWO", "THREE"}) == ["TWO"]
    assert channel_secrets.make_missing(home, {"ONE", "TWO", "THREE"}) == []
    kept = channel_secrets.kept(home)
    assert kept["ONE"] == "kept"
    assert len(kept["TWO"]) >= 32
    assert "THREE" not in kept


def test_what_the_environment_says_goes_first(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.keep("definitions.env", "ONE=kept\nTWO=kept\n")
    environment = {"ONE": "said"}
    channel_secrets.put_into(environment, home)
    assert environment == {"ONE": "said", "TWO": "kept"}
