"""Which addresses we may ask when somebody outside names them: those of the public Internet.

An address in a message may point into our own network (server-side request forgery). It is judged by what
its name resolves to, and exactly what was judged is then connected to.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_PORTS = {"http": 80, "https": 443}
# Ways to write an IPv4 address inside of one of IPv6 (RFC 6052, RFC 3056, RFC 4380, RFC 4291).
_WRAPPING = [ipaddress.ip_network(text) for text in ("64:ff9b::/96", "2002::/16", "2001::/32", "::/96")]
_MOST_ADDRESSES = 4


class Forbidden(Exception):
    """The address may not be asked; the text says why, without the address."""


def target(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of an address. Raises Forbidden for what is no web address."""
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme.lower(), parts.hostname or "", parts.port
    except ValueError:
        raise Forbidden("it is no address of the web") from None
    if scheme not in _PORTS or not host:
        raise Forbidden("it is no address of the web: only https and http are fetched")
    return scheme, host, port or _PORTS[scheme]


def may_ask(address: Address, allowed: Sequence[Network] = ()) -> bool:
    """Whether the address is public, or in a network that is allowed on purpose."""
    address = getattr(address, "ipv4_mapped", None) or address
    if any(address.version == network.version and address in network for network in allowed):
        return True
    wrapped = any(network.version == address.version and address in network for network in _WRAPPING)
    return address.is_global and not (address.is_multicast or address.is_reserved or wrapped)


async def addresses(host: str, port: int, allowed: Sequence[Network] = ()) -> list[str]:
    """What a host resolves to, if all of it may be asked. Raises Forbidden, or OSError when it has none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise Forbidden("it names no host") from None
    texts = list(dict.fromkeys(str(sockaddr[0]).partition("%")[0] for *_, sockaddr in found))
    if not all(may_ask(ipaddress.ip_address(text), allowed) for text in texts):
        raise Forbidden(
            "it stands at an address that is not public: add the network to LEADWIRE_FILES_NETWORKS"
            " if it may be asked, then fetch the file again"
        )
    return texts[:_MOST_ADDRESSES]
