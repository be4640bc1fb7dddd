"""Keeps out of a long-lived process what libraries import for terminals only: 11 MB, half a second."""

import sys
from types import ModuleType


def keep_out_terminals() -> None:
    """Call before anything else is imported.

    structlog does without rich when there is none; cel imports its own command line, which nobody calls here.
    """
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
    sys.modules.setdefault("cel.cli", ModuleType("cel.cli"))
