"""The command answers at once: nothing heavy is imported before it is needed."""

import resource
import subprocess
import sys
from pathlib import Path

LEADWIRE = str(Path(sys.executable).with_name("leadwire"))
HEAVY = (
    "asyncpg",
    "cel",
    "fastapi",
    "faststream",
    "httpx",
    "nats",
    "pydantic",
    "rich",
    "sqlalchemy",
    "uvicorn",
)


def test_help_takes_less_than_half_a_second_of_work() -> None:
    def work() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([LEADWIRE, "--help"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(work() for _ in range(3)) < 0.5


def test_nothing_heavy_is_imported_with_the_command() -> None:
    asked = f"import sys, services.hub.command; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_every_command_explains_itself() -> None:
    from typer.main import get_command

    from services.hub.command import app

    def silent(name: str, command: object) -> list[str]:
        below = getattr(command, "commands", {})
        found = [f"{name} {word}" for word, sub in below.items() if not (sub.help or "").strip()]
        return found + [each for word, sub in below.items() for each in silent(f"{name} {word}", sub)]

    assert silent("leadwire", get_command(app)) == []
