"""Every generated page by its name under docs/reference/."""

import json
from pathlib import Path

from docs.generator import commands, definitions, environment, metrics, openapi, ports

FOLDER = Path(__file__).parents[1] / "reference"
NOTE = "<!-- Generated from the code by `make schemas`; a change by hand will be lost. -->\n\n"


def pages() -> dict[str, str]:
    """File name to text."""
    schema = json.dumps(definitions.schema(), indent=2, ensure_ascii=False) + "\n"
    return {
        "commands.md": NOTE + commands.page(),
        "definitions.md": NOTE + definitions.page(),
        "definitions.schema.json": schema,
        "environment.md": NOTE + environment.page(),
        "metrics.md": NOTE + metrics.page(),
        "ports.md": NOTE + ports.page(),
        **openapi.pages(),
    }
