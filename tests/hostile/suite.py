"""Every attack on one hub, and what came of them."""

from collections.abc import Sequence, Set

import httpx

from tests.e2e.hub import Hub
from tests.hostile.access import ACCESS
from tests.hostile.aftermath import AFTERMATH, Visits, requests_elsewhere
from tests.hostile.attack import Attack, Row, carry_out
from tests.hostile.bodies import BODIES
from tests.hostile.content import CONTENT
from tests.hostile.definitions import DEFINITIONS
from tests.hostile.framing import FRAMING
from tests.hostile.mail import MAIL
from tests.hostile.partner import PARTNER
from tests.hostile.target import Target

ATTACKS: Sequence[Attack] = (
    *FRAMING, *ACCESS, *CONTENT, *BODIES, *MAIL, *PARTNER, *DEFINITIONS
)  # fmt: skip


async def attack(hub: Hub, only: str = "", without: Set[str] = frozenset()) -> list[Row]:
    """Carry out every attack, or those with `only` in group or name; none of the groups in `without`.

    What must be true afterwards is looked at in any case.
    """
    limits = httpx.Limits(max_keepalive_connections=4)
    visits = Visits()
    async with httpx.AsyncClient(timeout=30, limits=limits) as client, visits.listening():
        target = Target(hub, client)
        chosen = [*ATTACKS, requests_elsewhere(visits)]
        wanted = [one for one in chosen if only in f"{one.group} {one.name}" and one.group not in without]
        rows = await carry_out(wanted, target)
        return rows + await carry_out(AFTERMATH, target)


def table(rows: Sequence[Row]) -> str:
    """Attack, expected, got."""
    lines = [("", "attack", "expected", "got")]
    lines += [(one.attack.group, one.attack.name, one.attack.expected, one.got) for one in rows]
    widths = [min(60, max(len(line[column]) for line in lines)) for column in range(3)]
    text = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[3]])
        for line in lines
    ]
    marks = ["        ", *("  held  " if one.held else "FAILED  " for one in rows)]
    return "\n".join(mark + line.rstrip() for mark, line in zip(marks, text, strict=True))
