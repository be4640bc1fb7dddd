"""`python -m tests.steady KIND`, see --help: figures; exit code 1 when they are not good."""

import argparse
import sys
from collections.abc import Coroutine
from typing import Any

import uvloop

from tests.steady import idle, memory, outage, restore, ringing, sizes


def parser() -> argparse.ArgumentParser:
    """The command line."""
    whole = argparse.ArgumentParser(prog="make steady ARGS=...", description=__doc__)
    kinds = whole.add_subparsers(dest="kind", required=True)
    rest = kinds.add_parser("idle", help="CPU of a hub that has nothing to do")
    rest.add_argument("--seconds", type=float, default=60)
    away = kinds.add_parser("outage", help="PostgreSQL goes away under a stream of forms")
    away.add_argument("--fault", choices=outage.FAULTS, default="paused")
    away.add_argument("--rate", type=float, default=200, help="forms a second")
    for phase, seconds in (("before", 20), ("away", 60), ("after", 20)):
        away.add_argument(f"--{phase}", type=float, default=seconds, metavar="SECONDS")
    steady = kinds.add_parser("memory", help="memory at half of full speed")
    steady.add_argument("--minutes", type=float, default=10)
    # The bus remembers ids for two minutes, and keeps the newest block of each stream in memory:
    # it is full-grown once some 60 MB were stored.
    steady.add_argument("--warm-up", type=float, default=180, metavar="SECONDS")
    steady.add_argument("--rate", type=float, help="forms a second instead of half of full speed")
    kinds.add_parser("restore", help="back up a hub at work, lose it, restore it, count")
    calls = kinds.add_parser("ringing", help="from a call that rings to who is calling")
    calls.add_argument("--calls", type=int, default=300)
    calls.add_argument("--contacts", type=int, default=200_000)
    stored = kinds.add_parser("sizes", help="bytes that an enquiry takes on disk, by place")
    stored.add_argument("--forms", type=int, default=5_000)
    return whole


def chosen(given: argparse.Namespace) -> Coroutine[Any, Any, bool]:
    """What was asked for."""
    match given.kind:
        case "idle":
            return idle.run(given.seconds)
        case "outage":
            return outage.run(outage.Plan(given.fault, given.rate, given.before, given.away, given.after))
        case "restore":
            return restore.run()
        case "ringing":
            return ringing.run(given.calls, given.contacts)
        case "sizes":
            return sizes.run(given.forms)
        case _:
            return memory.run(given.minutes, given.warm_up, given.rate)


if __name__ == "__main__":
    sys.exit(not uvloop.run(chosen(parser().parse_args())))
