"""Who a request is from, when proxies stand in front: reading `Forwarded` and `X-Forwarded-*`.

Each proxy adds on the right what it saw. So the reading begins with the peer of the connection,
goes from right to left, and goes on only while the one who said it is a named proxy; whatever
stands further left may have been written by anybody. Pure: no sockets, no settings.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

HOPS_MAX = 32
"""How many proxies are followed at most; further left nothing is read."""
NODE_CHARS_MAX = 64
"""The longest name of a node that is looked at: an IPv6 address with a port is shorter."""

_SCHEMES = ("http", "https")


class Hop(NamedTuple):
    """What a proxy said of the connection it got: from where, by which scheme ("": unsaid)."""

    node: str
    scheme: str


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a request, and by which scheme ("" when no proxy said so)."""

    address: str
    scheme: str = ""
    port: int = 0


@dataclass(frozen=True, slots=True)
class ForwardingHeaders:
    """The values of the headers that say who a request is from, in the order they came."""

    forwarded: Sequence[str] = ()
    x_for: Sequence[str] = ()
    x_proto: Sequence[str] = ()


def read_sender(peer: str, headers: ForwardingHeaders, proxies: Sequence[Network]) -> Sender:
    """Who a request from this peer was sent by.

    A peer that is no named proxy is believed nothing. When both families of headers are present
    they must come to the same sender: otherwise one of them is not the proxy's but its client's,
    nobody can tell which, and the peer itself is taken for the sender.
    """
    nobody_said = Sender(peer)
    if not is_named(parse_address(peer), proxies):
        return nobody_said
    found = []
    if headers.forwarded:
        found.append(_follow(peer, forwarded_hops(", ".join(headers.forwarded)), proxies))
    if headers.x_for or (headers.x_proto and not headers.forwarded):
        hops = x_forwarded_hops(", ".join(headers.x_for), ", ".join(headers.x_proto))
        found.append(_follow(peer, hops, proxies))
    is_agreed = len({(one.address, one.scheme) for one in found}) == 1
    return found[0] if is_agreed else nobody_said


def _follow(peer: str, hops: Iterable[Hop], proxies: Sequence[Network]) -> Sender:
    """Go from the peer to the left for as long as named proxies speak."""
    sender = Sender(peer)
    for number, hop in enumerate(hops):
        scheme = hop.scheme if hop.scheme in _SCHEMES else ""
        node = parse_node(hop.node)
        if node is None or number >= HOPS_MAX:
            # Hidden (RFC 7239, section 6) or unreadable: the last that is known is who counts.
            return Sender(sender.address, scheme, sender.port)
        sender = Sender(str(node[0]), scheme, node[1])
        if not is_named(node[0], proxies):
            return sender
    return sender


def is_named(address: Address | None, proxies: Sequence[Network]) -> bool:
    """Whether an address is one of a named proxy."""
    return address is not None and any(address in network for network in proxies)


def parse_address(text: str) -> Address | None:
    """An IP address; an IPv4 address that is written as IPv6 is one of IPv4. None for all else."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address
    return address


def parse_node(text: str) -> tuple[Address, int] | None:
    """A node (RFC 7239, section 6) with its port, 0 without; None for `unknown`, `_hidden`, junk.

    An IPv6 address stands in brackets, or bare where it has no port (X-Forwarded-For).
    """
    text = text.strip()
    if len(text) > NODE_CHARS_MAX:
        return None
    bare = parse_address(text)
    if bare is not None:
        return bare, 0
    host, colon, port = text.rpartition(":")
    if text.endswith("]"):
        host, colon, port = text, "", ""
    if host.startswith("[") and host.endswith("]"):
        address = parse_address(host[1:-1])
        is_right_kind = ":" in host
    else:
        address, is_right_kind = parse_address(host), ":" not in host
    if address is None or not is_right_kind:
        return None
    return address, _parse_port(port) if colon else 0


def _parse_port(text: str) -> int:
    """A port; 0 for an obfuscated one (RFC 7239, section 6.1) or one that cannot be."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= 5
    return int(text) if is_number and int(text) <= 65_535 else 0


def forwarded_hops(value: str) -> Iterator[Hop]:
    """The elements of `Forwarded`, the last first."""
    for element in _split_from_right(value, ","):
        pairs: dict[str, str] = {}
        for pair in _split_from_right(element, ";"):
            name, _, text = pair.partition("=")
            pairs[name.strip().lower()] = _unquoted(text.strip())
        yield Hop(pairs.get("for", ""), pairs.get("proto", "").lower())


def x_forwarded_hops(addresses: str, schemes: str) -> Iterator[Hop]:
    """The same from `X-Forwarded-For` and `X-Forwarded-Proto`, the last first.

    One scheme is that of all hops, because many proxies write just one; as many as there are
    addresses are one for each; any other number says nothing.
    """
    nodes = [node.strip() for node in addresses.split(",")] if addresses.strip() else []
    said = [scheme.strip().lower() for scheme in schemes.split(",")]
    if len(said) == 1:
        said *= max(len(nodes), 1)
    elif len(said) != len(nodes):
        said = [""] * max(len(nodes), 1)
    if not nodes:
        # Only the scheme was said: of the connection that the peer got, from whomever.
        yield Hop("", said[-1])
    for node, scheme in zip(reversed(nodes), reversed(said), strict=True):
        yield Hop(node, scheme)


def _split_from_right(text: str, separator: str) -> Iterator[str]:
    """The parts of a list, the last first, where quoted strings may hold the separator.

    Read from its end: an unfinished quotation further left, which is not the proxy's but its
    client's, then cannot swallow what the proxy added.
    """
    end = position = len(text)
    is_quoted = False
    while position > 0:
        position -= 1
        character = text[position]
        if character == '"' and not (is_quoted and _is_escaped(text, position)):
            is_quoted = not is_quoted
        elif character == separator and not is_quoted:
            yield text[position + 1 : end].strip()
            end = position
    yield text[:end].strip()


def _is_escaped(text: str, position: int) -> bool:
    backslashes = 0
    while position > backslashes and text[position - 1 - backslashes] == "\\":
        backslashes += 1
    return backslashes % 2 == 1


def _unquoted(text: str) -> str:
    if len(text) < 2 or not (text.startswith('"') and text.endswith('"')):
        return text
    plain, escaped = [], False
    for character in text[1:-1]:
        escaped = character == "\\" and not escaped
        if not escaped:
            plain.append(character)
    return "".join(plain)
