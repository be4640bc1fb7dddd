"""`make hostile`: every attack, then schemathesis over every OpenAPI document, with their tables."""

import argparse
import asyncio
import sys

from tests.e2e.hub import a_hub
from tests.hostile.fuzz import fuzz_all, summary
from tests.hostile.suite import attack, table


def main() -> int:
    """0 when everything held."""
    parser = argparse.ArgumentParser(prog="make hostile", description=__doc__)
    parser.add_argument("--only", default="", help="attacks with this in their group or name")
    parser.add_argument(
        "--seconds", type=int, default=60, help="for each document and caller; 0 leaves it out"
    )
    parser.add_argument("--seed", type=int, default=1, help="repeats a run of schemathesis")
    asked = parser.parse_args()
    with a_hub() as hub:
        asyncio.run(hub.start())
        rows = asyncio.run(attack(hub, asked.only))
        print(table(rows))
        failed = sum(not row.held for row in rows)
        slowest = sorted(rows, key=lambda row: -row.seconds)[:5]
        print(f"\n{len(rows)} attacks, {failed} that got through; the slowest:")
        print("\n".join(f"{row.seconds:6.1f} s  {row.attack.group}: {row.attack.name}" for row in slowest))
        runs = fuzz_all(hub, asked.seconds, asked.seed) if asked.seconds else []
    if runs:
        print(summary(runs))
    return 1 if failed or any(run.failures for run in runs) else 0


if __name__ == "__main__":
    sys.exit(main())
