"""Who a request is from: a table of what proxies, and people who pretend to be some, write."""

from ipaddress import ip_network

import pytest

from minibank.app.forwarded import (
    HOPS_MAX,
    ForwardingHeaders,
    Sender,
    parse_node,
    read_sender,
)

PROXIES = [ip_network(text) for text in ("10.0.0.0/8", "2001:db8:1::/48", "192.0.2.7")]
PEER = "10.0.0.5"
CLIENT = "203.0.113.9"


def said(*forwarded: str, x_for=(), x_proto=()) -> ForwardingHeaders:
    def texts(value):
        return (value,) if isinstance(value, str) else tuple(value)

    return ForwardingHeaders(forwarded, texts(x_for), texts(x_proto))


CASES = {
    "nothing was said": (said(), Sender(PEER)),
    "one address": (said(x_for=CLIENT), Sender(CLIENT)),
    "an address and a scheme": (said(x_for=CLIENT, x_proto="https"), Sender(CLIENT, "https")),
    "only a scheme": (said(x_proto="https"), Sender(PEER, "https")),
    "an unknown scheme": (said(x_for=CLIENT, x_proto="gopher"), Sender(CLIENT)),
    "a scheme in capitals": (said(x_for=CLIENT, x_proto="HTTPS"), Sender(CLIENT, "https")),
    "what the client made up is further left": (said(x_for=f"8.8.8.8, {CLIENT}"), Sender(CLIENT)),
    "in lines of their own": (said(x_for=("8.8.8.8", CLIENT)), Sender(CLIENT)),
    "through two proxies": (said(x_for=f"{CLIENT}, 10.9.9.9"), Sender(CLIENT)),
    "through two proxies, one scheme": (
        said(x_for=f"{CLIENT}, 10.9.9.9", x_proto="https"),
        Sender(CLIENT, "https"),
    ),
    "through two proxies, a scheme each": (
        said(x_for=f"{CLIENT}, 10.9.9.9", x_proto="https, http"),
        Sender(CLIENT, "https"),
    ),
    "made up, a scheme each": (
        said(x_for=f"8.8.8.8, {CLIENT}", x_proto="https, http"),
        Sender(CLIENT, "http"),
    ),
    "more schemes than addresses": (said(x_for=CLIENT, x_proto="https, http"), Sender(CLIENT)),
    "proxies all the way": (said(x_for="10.1.1.1, 10.9.9.9"), Sender("10.1.1.1")),
    "a port": (said(x_for=f"{CLIENT}:4711"), Sender(CLIENT, "", 4711)),
    "a port that cannot be": (said(x_for=f"{CLIENT}:99999"), Sender(CLIENT)),
    "IPv6 without brackets": (said(x_for="2001:db8:2::9"), Sender("2001:db8:2::9")),
    "IPv6 in brackets": (said(x_for="[2001:db8:2::9]"), Sender("2001:db8:2::9")),
    "IPv6 with a port": (said(x_for="[2001:db8:2::9]:80"), Sender("2001:db8:2::9", "", 80)),
    "IPv6 in a longer form": (said(x_for="2001:0db8:2:0::0009"), Sender("2001:db8:2::9")),
    "IPv4 as IPv6 is IPv4": (said(x_for=f"{CLIENT}, ::ffff:10.0.0.9"), Sender(CLIENT)),
    "through a proxy on IPv6": (said(x_for=f"{CLIENT}, 2001:db8:1::1"), Sender(CLIENT)),
    "unknown": (said(x_for="unknown"), Sender(PEER)),
    "junk": (said(x_for="<script>"), Sender(PEER)),
    "junk behind a proxy": (said(x_for="junk, 10.9.9.9"), Sender("10.9.9.9")),
    "an empty list": (said(x_for=""), Sender(PEER)),
    "an empty last element": (said(x_for=f"{CLIENT}, "), Sender(PEER)),
    "digits of another script": (said(x_for="٢٠٣.0.113.9"), Sender(PEER)),
    "the standard": (said(f"for={CLIENT};proto=https"), Sender(CLIENT, "https")),
    "the standard, other order and case": (
        said(f"Proto=HTTPS; By=10.0.0.5; FOR={CLIENT}"),
        Sender(CLIENT, "https"),
    ),
    "the standard, quoted IPv6": (
        said('for="[2001:db8:2::9]:4711"'),
        Sender("2001:db8:2::9", "", 4711),
    ),
    "the standard, escaped": (said(f'for="{CLIENT[:5]}\\{CLIENT[5:]}"'), Sender(CLIENT)),
    "the standard, two proxies": (
        said(f"for={CLIENT};proto=https, for=10.9.9.9;proto=http"),
        Sender(CLIENT, "https"),
    ),
    "the standard, in lines of their own": (said("for=8.8.8.8", f"for={CLIENT}"), Sender(CLIENT)),
    "the standard, made up": (said(f"for=8.8.8.8;proto=https, for={CLIENT}"), Sender(CLIENT)),
    "the standard, hidden": (said("for=_gazonk;proto=https"), Sender(PEER, "https")),
    "the standard, a hidden port": (said(f'for="{CLIENT}:_hidden"'), Sender(CLIENT)),
    "the standard, unknown": (said("for=unknown"), Sender(PEER)),
    "the standard, nobody named": (said("proto=https;host=bank"), Sender(PEER, "https")),
    "a comma in a quotation": (said(f'for={CLIENT};ext="a, for=8.8.8.8"'), Sender(CLIENT)),
    "a quotation that the client left open": (said(f'for="x, for={CLIENT}'), Sender(CLIENT)),
    "an open quotation, then a quoted one": (
        said('for="x, for="[2001:db8:2::9]"'),
        Sender("2001:db8:2::9"),
    ),
    "both say the same": (
        said(f"for={CLIENT};proto=https", x_for=CLIENT, x_proto="https"),
        Sender(CLIENT, "https"),
    ),
    "both, and they differ": (said("for=8.8.8.8", x_for=CLIENT), Sender(PEER)),
    "both, with another scheme": (
        said(f"for={CLIENT};proto=https", x_for=CLIENT, x_proto="http"),
        Sender(PEER),
    ),
    "the standard beside a scheme alone": (
        said(f"for={CLIENT}", x_proto="https"),
        Sender(CLIENT),
    ),
    "a very long node": (said(x_for="1" * 30_000), Sender(PEER)),
    "very many elements": (said(x_for=f"{'8.8.8.8, ' * 3_000}{CLIENT}"), Sender(CLIENT)),
    "nothing but backslashes": (said('for="' + "\\" * 30_000), Sender(PEER)),
    "nothing but quotes": (said('"' * 30_000), Sender(PEER)),
}


@pytest.mark.parametrize("case", CASES)
def test_a_named_proxy_is_believed_what_it_saw_and_nothing_further_left(case: str):
    headers, expected = CASES[case]
    assert read_sender(PEER, headers, PROXIES) == expected


@pytest.mark.parametrize("peer", ["203.0.113.50", "11.0.0.5", "2001:db8:2::5", "", "not-an-ip"])
@pytest.mark.parametrize("case", CASES)
def test_a_peer_that_is_not_named_is_believed_nothing(case: str, peer: str):
    assert read_sender(peer, CASES[case][0], PROXIES) == Sender(peer)


@pytest.mark.parametrize("peer", ["192.0.2.7", "2001:db8:1::1", "::ffff:10.0.0.5"])
def test_a_proxy_is_named_by_address_or_network_of_either_kind(peer: str):
    assert read_sender(peer, said(x_for=CLIENT), PROXIES) == Sender(CLIENT)


def test_a_chain_is_followed_only_so_far():
    hops = ["10.0.0.1", *(f"10.0.1.{number}" for number in range(HOPS_MAX))]
    found = read_sender(PEER, said(x_for=", ".join([CLIENT, *hops])), PROXIES)
    assert found == Sender("10.0.1.0")


@pytest.mark.parametrize(
    "text",
    ["", "[", "[]", "[]:80", "[1.2.3.4]", "2001:db8::1:80:", "1.2.3.4:5:6", ":80", "a", "1.2.3"],
)
def test_what_names_no_node_is_none(text: str):
    assert parse_node(text) is None
