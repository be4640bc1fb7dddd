"""PostgreSQL goes away under a stream of forms: how they are answered, and how long what waits takes."""

import asyncio
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.e2e.hub import Hub, a_hub
from tests.steady.figures import percentile
from tests.steady.load import Answer, Forms
from tests.steady.progress import caught_up, letters, verdict
from tests.support.processes import send

FAULTS = ("paused", "killed")
_CATCH_UP_SECONDS = 900.0
_LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Plan:
    """Forms a second, and seconds of each phase. `paused` is SIGSTOP; `killed` is SIGKILL again and again."""

    fault: str
    rate: float = 200
    before: float = 20
    away: float = 60
    after: float = 20


class Outage:
    """PostgreSQL of one hub, gone and back."""

    def __init__(self, hub: Hub, fault: str) -> None:
        self._hub = hub
        self._number = signal.SIGSTOP if fault == "paused" else signal.SIGKILL
        self._over = threading.Event()
        self._keeping = threading.Thread(target=self._keep_away)

    def begin(self) -> None:
        """Take it away. The hub starts a dead one again: that one is killed too."""
        self._keeping.start()

    def end(self) -> None:
        """Give it back."""
        self._over.set()
        self._keeping.join()
        if self._number == signal.SIGSTOP:
            self._send(signal.SIGCONT)

    def _keep_away(self) -> None:
        self._send(self._number)
        while not self._over.wait(_LOOK_SECONDS):
            self._send(self._number)

    def _send(self, number: signal.Signals) -> None:
        send(self._hub.postgres(), number)


def line(phase: str, answers: Sequence[Answer]) -> str:
    """How one phase was answered, in milliseconds."""
    took = [1000 * one.seconds for one in answers]
    accepted = sum(one.status == 200 for one in answers)
    shown = "".join(f"{percentile(took, share):10.1f}" for share in (0.5, 0.99, 1.0))
    return f"  {phase:8}{len(answers):8}{accepted:10}{shown}"


async def run(plan: Plan) -> bool:
    """One outage; whether every form was accepted and everything accepted was done, once."""
    print(f"PostgreSQL {plan.fault} for {plan.away:g} s under {plan.rate:g} forms/s")
    with a_hub() as hub:
        await hub.start()
        forms = Forms(hub.http_port)
        await _phases(plan, hub, forms)
        waiting = len(forms.accepted) - letters(hub)
        print(f"  {waiting} enquiries wait for their letter when the forms end", flush=True)
        done = await caught_up(hub, len(forms.accepted), _CATCH_UP_SECONDS)
        print(f"  caught up in {done.seconds:.1f} s: {done.per_second:.0f} enquiries/s, end to end")
        wrong = await verdict(hub, forms.accepted, len(forms.answers))
    wrong += [f"form {one.number} was answered {one.status}" for one in forms.refused[:20]]
    print("\n".join(f"  WRONG: {one}" for one in wrong) or "  every form accepted, every enquiry done once")
    return not wrong


async def _phases(plan: Plan, hub: Hub, forms: Forms) -> None:
    outage = Outage(hub, plan.fault)
    steps: list[tuple[str, float, Callable[[], object] | None]] = [
        ("warm-up", 5, None),
        ("before", plan.before, None),
        ("away", plan.away, outage.begin),
        ("after", plan.after, outage.end),
    ]
    print(f"  {'phase':8}{'sent':>8}{'accepted':>10}{'p50 ms':>10}{'p99 ms':>10}{'max ms':>10}")
    for phase, seconds, first in steps:
        if first:
            await asyncio.to_thread(first)
        answers = await forms.send(plan.rate, seconds)
        print(line(phase, answers), f" letters out: {letters(hub)}", flush=True)
    forms.close()
