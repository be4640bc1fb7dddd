"""What a run leaves behind holds every message, also those of a run that did not come to its end."""

import json
from pathlib import Path

import pytest
from nats.js.api import RetentionPolicy

from services.runtime.bus import Bus
from tests.chaos.evidence import keep_stream
from tests.support.accounts import NatsAccount


@pytest.mark.parametrize("retention", [RetentionPolicy.LIMITS, RetentionPolicy.WORK_QUEUE])
async def test_a_stream_is_written_down_as_it_stands(
    nats_account: NatsAccount, tmp_path: Path, retention: RetentionPolicy
) -> None:
    bus = await Bus.connect(nats_account.url)
    await bus.js.add_stream(name="KEPT", subjects=["kept.>"], retention=retention)
    for number in range(1, 5):
        await bus.publish("KEPT", f"kept.{number}", b"%d" % number, {"Number": f"{number}"})
    for gone in (2, 4):
        await bus.js.delete_msg("KEPT", gone)
    await keep_stream(bus.js, await bus.js.stream_info("KEPT"), tmp_path)
    await bus.close()
    lines = [json.loads(line) for line in (tmp_path / "KEPT.jsonl").read_text().splitlines()]
    assert [(one["seq"], one["subject"], one["body"]) for one in lines] == [
        (1, "kept.1", "1"),
        (3, "kept.3", "3"),
    ]
    assert [one["headers"]["Number"] for one in lines] == ["1", "3"]
