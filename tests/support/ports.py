"""Ports that stay ours while the processes behind them come and go; test runs beside each other differ."""

import itertools
import os
import socket
from contextlib import suppress

# Below the ports that outgoing connections take; neighbouring processes begin a thousand apart.
_LOWEST, _COUNT = 22_000, 10_000
_candidates = (_LOWEST + (997 * os.getpid() + n) % _COUNT for n in itertools.count())


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody uses now, all different."""
    return list(itertools.islice(filter(_is_free, _candidates), count))


def _is_free(port: int) -> bool:
    with suppress(OSError), socket.create_server(("127.0.0.1", port)):
        return True
    return False
