"""The leader of an IMAP channel dies while mail arrives."""

from services.runtime.bus import Bus
from services.runtime.provision import buckets, intake_stream, provision
from tests.chaos.drivers.imap import CHANNEL, kill_again_and_again, stored
from tests.chaos.drivers.replica import Replica
from tests.connectors.drivers.mailbox_stage import SECRETS, definition
from tests.support.accounts import NatsAccount
from tests.support.mailboxes import pymap


async def test_every_mail_is_there_once_whoever_is_killed(nats_account: NatsAccount) -> None:
    bus = await Bus.connect(nats_account.url)
    await provision(bus, [intake_stream(), *buckets()])
    with pymap() as server:
        channels = {CHANNEL: definition(server.port)}
        replicas = [Replica(nats_account.url, channels, SECRETS, lease=5) for _ in range(2)]
        try:
            verdict = await kill_again_and_again(server, bus, replicas, 1, lambda: stored(bus), rate=60)
        finally:
            for one in replicas:
                await one.kill()
    await bus.close()
    assert verdict, str(verdict)
    assert verdict.put > 20
