"""What the guides show can be copied: every piece of YAML in them passes the check."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.hub.definitions.check import check
from services.hub.definitions.findings import DefinitionsRefused
from services.hub.definitions.folder import read_folder
from tests.architecture.source import ROOT

EXAMPLE = ROOT / "examples" / "language-school"
GUIDES = [ROOT / "docs" / "channels.md", ROOT / "docs" / "definitions.md"]
PIECES = [
    pytest.param(piece, id=f"{guide.name}-{number}")
    for guide in GUIDES
    for number, piece in enumerate(re.findall(r"```yaml\n(.*?)```", guide.read_text("utf-8"), re.DOTALL))
]


@pytest.mark.parametrize("piece", PIECES)
def test_a_piece_of_a_guide_fits_into_the_example(piece: str) -> None:
    texts = read_folder(EXAMPLE)
    whole: dict[str, Any] = {}
    for name, text in texts.items():
        if Path(name).suffix in (".yaml", ".yml"):
            whole |= yaml.safe_load(text)
    others = {name: text for name, text in texts.items() if Path(name).suffix == ".liquid"}
    whole = merged(whole, yaml.safe_load(piece))
    whole_text = yaml.safe_dump(whole, sort_keys=False)
    try:
        check(others | {"whole.yaml": whole_text})
    except DefinitionsRefused as refused:
        pytest.fail("\n".join(f"{found.path}: {found.message}" for found in refused.findings))


def merged(whole: dict[str, Any], piece: dict[str, Any]) -> dict[str, Any]:
    """The piece over the whole: named things beside those that are there, lists in place of lists."""
    named = {
        key: {**whole[key], **value}
        for key, value in piece.items()
        if isinstance(value, dict) and isinstance(whole.get(key), dict)
    }
    return whole | piece | named
