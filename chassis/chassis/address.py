"""The address that limits count for: the rightmost hop that no proxy of ours has."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from fastapi import Request


def client_address(request: Request) -> str:
    """The client's address as text, an IPv6 one as its /64: a home has that many to choose from."""
    trusted: Sequence[IPv4Network | IPv6Network] = request.app.state.settings.trusted_proxies
    peer = request.client.host if request.client else ""
    forwarded = ",".join(request.headers.getlist("x-forwarded-for"))
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
    address = _parse(peer)
    while hops and address is not None and any(address in network for network in trusted):
        address = _parse(hops.pop())
    if address is None:
        return "unknown"
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False).network_address)
    return str(address)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address
