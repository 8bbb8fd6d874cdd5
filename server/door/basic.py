"""A user name and a password (RFC 7617), and lists of addresses, for those who sign nothing: Exotel, Asterisk. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address, ip_network

from server.door.request import Refused, Request, encoded, same
from server.phones.options import from_base64


def check(request: Request, username: str, password: str) -> None:
    """Raises Refused."""
    scheme, _, shown = request.header("authorization").partition(" ")
    pair = from_base64(shown.strip()) if scheme.lower() == "basic" else None
    if not same((pair or b"").decode(errors="replace"), encoded(f"{username}:{password}").decode()):
        raise Refused("its user name or password is wrong")


def check_address(request: Request, networks: Iterable[str]) -> None:
    """`networks` are addresses too. Raises Refused."""
    try:
        address = ip_address(request.remote)
    except ValueError:
        raise Refused("it comes from no address") from None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if not any(address in ip_network(each) for each in networks):
        raise Refused(f"it comes from {address}, which is not among the addresses")
