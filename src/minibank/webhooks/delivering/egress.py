"""Which addresses the bank may call.

Whoever registers a webhook chooses where the bank connects to, and the bank stands where outsiders
do not: beside its own database, on an internal network, on a cloud's machine with its metadata
service. So an address is judged as it is, after names were resolved, where the socket is made.
"""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from typing_extensions import override

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# The special-purpose registries of IANA (RFC 6890 and what came after), less what is public.
_NOT_PUBLIC = tuple(
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
    )
)
_PUBLIC_6 = IPv6Network("2000::/3")

# Never, whatever an operator allows: the link with a cloud's metadata service, groups, nobody.
_NEVER = tuple(
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "100.100.100.200/32"),
        *("192.0.0.192/32", "168.63.129.16/32"),
        *("::/128", "fe80::/10", "ff00::/8", "fd00:ec2::254/128", "fd20:ce::254/128"),
    )
)

_NAT64 = tuple(IPv6Network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48"))
_COMPATIBLE = IPv6Network("::/96")


class AddressRefused(OSError):
    """The bank does not connect to such an address or port."""

    @override
    def __str__(self) -> str:
        return "the bank does not connect to this address"


@dataclass(frozen=True, slots=True)
class Egress:
    """Where connections may go: public addresses, and the networks `allowed` besides.

    `ports` are those that may be called; empty is all of them.
    """

    allowed: tuple[Network, ...] = ()
    ports: frozenset[int] = frozenset()

    @classmethod
    def of(cls, allowed: Iterable[str], ports: Iterable[str]) -> "Egress":
        """From settings: networks in CIDR form and port numbers."""
        return cls(tuple(map(ip_network, allowed)), frozenset(map(int, ports)))

    def permits(self, address: str, port: int) -> bool:
        """Whether the bank may connect there; not for what is no address at all."""
        if self.ports and port not in self.ports:
            return False
        try:
            # A zone (fe80::1%eth0) says on which link, and changes nothing about the address.
            found = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        return all(self._permits(one) for one in _meant_by(found))

    def _permits(self, address: Address) -> bool:
        if _is_in(address, _NEVER):
            return False
        return _is_public(address) or _is_in(address, self.allowed)

    def open_socket(self, found: tuple[int, int, int, str, tuple[str | int, ...]]) -> socket.socket:
        """A socket for what `getaddrinfo` gave; `AddressRefused` when it must not be connected."""
        family, kind, protocol, _, where = found
        if not self.permits(str(where[0]), int(where[1])):
            raise AddressRefused
        return socket.socket(family, kind, protocol)


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _PUBLIC_6:
        return False
    return not _is_in(address, _NOT_PUBLIC)


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == one.version and address in one for one in networks)


def _meant_by(address: Address) -> list[Address]:
    """The addresses that a packet may end at: an IPv4 address inside of an IPv6 one counts alone
    where the machine's own stack takes it out, and as well where a router might."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    last_bits = IPv4Address(int(address) & 0xFFFFFFFF)
    if _is_in(address, _NAT64) or (address in _COMPATIBLE and int(address) > 1):
        return [address, last_bits]
    if address.sixtofour is not None:
        return [address, address.sixtofour]
    return [address]
