"""How many examples a property is tried with: the same ones each time, or many more that nobody has seen.

LEADWIRE_EXAMPLES is by how much more often; `make fuzz` sets it.
"""

import os

from hypothesis import settings

FACTOR = int(os.environ.get("LEADWIRE_EXAMPLES", "1"))
_USUAL = 100


def load_profile() -> None:
    """For the whole run. No deadline: how fast the machine is says nothing of a property."""
    settings.register_profile("the same", derandomize=True, deadline=None)
    settings.register_profile("many more", max_examples=_USUAL * FACTOR, deadline=None, print_blob=True)
    settings.load_profile("many more" if FACTOR > 1 else "the same")


def examples(usual: int) -> int:
    """For a property that is tried more or less often than others."""
    return usual * FACTOR
