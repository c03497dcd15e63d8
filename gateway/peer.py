"""Who is at the other end of the connection, and whom a proxy that is listed says it asks for."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.types import Scope

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# One household or one machine of a cloud has this many addresses of its own to choose from.
_IPV6_CLIENT = 64


def header_values(scope: Scope, name: str) -> list[str]:
    """Every value a header was sent with; those that are not UTF-8 with their bytes replaced."""
    wanted = name.lower().encode("latin-1")
    return [value.decode("utf-8", "replace").strip() for key, value in scope["headers"] if key == wanted]


class Proxies:
    """The proxies in front of the gateway. What anybody else forwards is only a claim."""

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._networks = tuple(networks)

    def sent(self, scope: Scope) -> bool:
        """Whether the request comes over a connection from one of them."""
        peer = _peer(scope)
        return peer is not None and self._has(peer)

    def client(self, scope: Scope) -> str:
        """The address asked from: the peer's, or behind proxies the last one that none of them has."""
        address = _peer(scope)
        if address is None:
            return ""
        forwarded = ",".join(header_values(scope, "x-forwarded-for")).split(",")
        while self._has(address) and forwarded:
            # Each proxy appends whom it was asked by; what stands before an unknown address is anybody's invention.
            before = _address(forwarded.pop())
            if before is None:
                break
            address = before
        if isinstance(address, IPv6Address):
            return str(ip_network((int(address), _IPV6_CLIENT), strict=False))
        return str(address)

    def _has(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _peer(scope: Scope) -> Address | None:
    client = scope.get("client")
    return _address(client[0]) if client else None


def _address(text: str) -> Address | None:
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address
    return address
