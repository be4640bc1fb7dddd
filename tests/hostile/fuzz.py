"""schemathesis over every OpenAPI document: what the APIs take, refuse and answer is what they say."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.hub import Hub

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted((ROOT / "docs" / "reference" / "openapi").glob("*.json"))
_ST = str(Path(sys.executable).with_name("st"))
_CASES = re.compile(r"(\d+) generated")
_FAILURES = re.compile(r"(\d+) unique failures?")
CALLERS = ("admin", "stranger")


@dataclass(frozen=True)
class Fuzzed:
    """One document, tried by one caller."""

    document: str
    caller: str
    cases: int
    failures: int
    said: str


def fuzz_all(hub: Hub, seconds: int, seed: int) -> list[Fuzzed]:
    """Every document as the administrator and without any token, `seconds` for each."""
    return [fuzz(hub, str(path), caller, seconds, seed) for path in DOCUMENTS for caller in CALLERS]


def fuzz(hub: Hub, document: str, caller: str, seconds: int, seed: int, *options: str) -> Fuzzed:
    """One run over a document at a path or an address. Every check that schemathesis has is on."""
    command = [
        *(_ST, "--config-file", str(Path(__file__).with_name("schemathesis.toml")), "run", document),
        *("--url", hub.url, "--max-time", str(seconds), "--seed", str(seed), "--no-color", *options),
    ]
    if caller == "admin":
        command += ["--header", f"Authorization: Bearer {hub.token}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=seconds + 120
    )
    cases = _CASES.search(done.stdout)
    failures = _FAILURES.search(done.stdout)
    broken = int(done.returncode != 0)
    return Fuzzed(
        Path(document).stem,
        caller,
        int(cases[1]) if cases else 0,
        max(int(failures[1]) if failures else 0, broken),
        done.stdout + done.stderr,
    )


def summary(runs: Sequence[Fuzzed]) -> str:
    """What was tried, and all that schemathesis says of a run with failures."""
    lines = [
        f"  {one.document:14} {one.caller:9} {one.cases:6} cases  {one.failures} failures" for one in runs
    ]
    said = [one.said for one in runs if one.failures]
    total = f"{sum(one.cases for one in runs)} cases, {sum(one.failures for one in runs)} failures"
    return "\n".join([*said, "schemathesis", *lines, total])
