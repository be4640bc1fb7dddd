"""Children that outlive, die with and are found again by the hub."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from services.hub.engines.child import LOG_LIMIT, Child, Program, gone, leftover, stop_leftover
from tests.support.wait import until

SLEEPER = "import time\nprint('up', flush=True)\ntime.sleep(600)"
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEPER
ROOT = Path(__file__).parents[3]


def program(home: Path, code: str = SLEEPER) -> Program:
    return Program("sleeper", [sys.executable, "-c", code], home / "log", home / "pid", home)


@pytest.fixture
async def child(home: Path) -> AsyncIterator[Child]:
    started = Child(program(home))
    started.start()
    await until(lambda: "up" in started.said_since_start())
    yield started
    await started.kill()


async def test_a_child_is_the_program_itself_in_a_session_of_its_own(child: Child, home: Path) -> None:
    process = psutil.Process(child.pid)
    assert process.cmdline() == [sys.executable, "-c", SLEEPER]
    assert os.getsid(child.pid) == child.pid
    assert process.cwd() == str(home)
    assert json.loads((home / "pid").read_text())["pid"] == child.pid


async def test_stop_ends_it_and_takes_the_pid_file_away(child: Child, home: Path) -> None:
    await child.stop()
    assert not child.alive
    assert child.exit_code == -signal.SIGTERM
    assert not (home / "pid").exists()


async def test_a_paused_child_can_be_stopped(child: Child) -> None:
    child.signal(signal.SIGSTOP)
    await child.stop(within=5)
    assert child.exit_code == -signal.SIGTERM


async def test_a_child_that_will_not_stop_is_killed_at_the_deadline(home: Path) -> None:
    child = Child(program(home, STUBBORN))
    child.start()
    await until(lambda: "up" in child.said_since_start())
    await child.stop(within=0.1)
    assert child.exit_code == -signal.SIGKILL


HUB = """
import asyncio, sys
from pathlib import Path
from services.hub.engines.child import Child, Program
home = Path(sys.argv[1])
child = Child(Program("sleeper", [sys.executable, "-c", sys.argv[2]], home / "log", home / "pid", home))
child.start()
print(child.pid, flush=True)
asyncio.run(child.ended(600))
"""


@contextmanager
def a_killed_hub(home: Path, code: str) -> Iterator[psutil.Process]:
    """The child of another process, which is killed on the way out."""
    command = [sys.executable, "-c", HUB, str(home), code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as hub:
        try:
            assert hub.stdout is not None
            yield psutil.Process(int(hub.stdout.readline()))
        finally:
            hub.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child to its parent")
async def test_a_child_dies_with_a_killed_hub(home: Path) -> None:
    with a_killed_hub(home, SLEEPER) as child:
        await until(lambda: "up" in (home / "log").read_text())
    await until(lambda: gone(child))


async def test_what_a_killed_hub_left_running_is_stopped_by_the_next(home: Path) -> None:
    with a_killed_hub(home, STUBBORN) as orphan:
        await until(lambda: "up" in (home / "log").read_text())
    assert leftover(home / "pid") == orphan
    stopped = await asyncio.to_thread(stop_leftover, home / "pid", signal.SIGTERM, 0.2)
    assert stopped
    assert leftover(home / "pid") is None
    assert not (home / "pid").exists()


async def test_a_stranger_with_the_pid_of_a_dead_child_is_left_alone(child: Child, home: Path) -> None:
    said = json.loads((home / "pid").read_text())
    (home / "pid").write_text(json.dumps({**said, "started": said["started"] - 100}))
    assert not stop_leftover(home / "pid", signal.SIGTERM)
    assert child.alive


@pytest.mark.parametrize("text", ["", "{}", "[]", "not json", '{"pid": 99999999, "started": 1}'])
async def test_a_broken_pid_file_is_no_obstacle(home: Path, text: str) -> None:
    (home / "pid").write_text(text)
    assert not stop_leftover(home / "pid", signal.SIGTERM)


async def test_a_long_log_is_put_aside_at_the_next_start(home: Path) -> None:
    (home / "log").write_bytes(b"x" * (LOG_LIMIT + 1))
    child = Child(program(home))
    child.start()
    await until(lambda: child.said_since_start() == "up\n")
    await child.stop()
    assert (home / "log").stat().st_size < 10
    assert (home / "log.1").stat().st_size == LOG_LIMIT + 1
