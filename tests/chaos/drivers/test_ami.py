"""The leader of an AMI channel dies while calls flow, and the one beside it as well."""

from services.runtime.bus import Bus
from services.runtime.provision import buckets, intake_stream, provision
from tests.chaos.drivers.ami import CHANNEL, SECRETS, kill_again_and_again
from tests.chaos.drivers.replica import Replica
from tests.connectors.drivers.asterisk import asterisk, channel
from tests.support.accounts import NatsAccount


async def test_every_event_is_there_once_whoever_is_killed(nats_account: NatsAccount) -> None:
    bus = await Bus.connect(nats_account.url)
    await provision(bus, [intake_stream(), *buckets()])
    async with asterisk() as peer:
        channels = {CHANNEL: channel(peer.port)}
        replicas = [Replica(nats_account.url, channels, SECRETS, lease=5) for _ in range(3)]
        try:
            verdict = await kill_again_and_again(peer, bus, replicas, 2, again=False)
        finally:
            for one in replicas:
                await one.kill()
    await bus.close()
    assert verdict, str(verdict)
    assert verdict.unheard == 0
    assert verdict.owed > 90
