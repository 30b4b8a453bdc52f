"""Whoever registers a webhook chooses an address, and the bank connects to few of those."""

import socket

import pytest

from minibank.webhooks.delivering.egress import AddressRefused, Egress

PUBLIC = Egress()
SANDBOX = Egress.of(("127.0.0.0/8", "::1/128"), ())
INTERNAL = Egress.of(("10.0.0.0/8", "192.168.0.0/16", "fc00::/7", "0.0.0.0/0", "::/0"), ())


@pytest.mark.parametrize(
    "address",
    [
        *("8.8.8.8", "1.1.1.1", "93.184.216.34", "100.63.255.255", "100.128.0.1", "172.15.0.1"),
        *("172.32.0.1", "192.0.1.1", "198.17.255.255", "198.20.0.1", "223.255.255.255"),
        *("2606:4700:4700::1111", "2a00:1450:4009::200e", "2400:cb00::1", "::ffff:8.8.8.8"),
    ],
)
def test_public_addresses_are_called(address: str) -> None:
    assert PUBLIC.permits(address, 443)


HOSTILE = [
    *("127.0.0.1", "127.1.2.3", "127.255.255.255", "::1"),
    *("0.0.0.0", "0.1.2.3", "::"),
    *("10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1"),
    *("100.64.0.1", "100.127.255.255"),
    *("169.254.169.254", "169.254.0.1", "169.254.170.2", "100.100.100.200", "192.0.0.192"),
    *("168.63.129.16", "fd00:ec2::254", "fd20:ce::254"),
    *("fe80::1", "fe80::1%eth0", "febf::1", "fec0::1"),
    *("fc00::1", "fd12:3456::1"),
    *("224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "ff02::1", "ff0e::1"),
    *("192.0.0.1", "192.0.2.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1"),
    *("192.88.99.1", "2001:db8::1", "2001::1", "2001:10::1", "2001:20::1", "100::1", "3fff::1"),
    *("::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"),
    *("::127.0.0.1", "::a9fe:a9fe", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe"),
    *("64:ff9b::8.8.8.8", "64:ff9b:1::1", "2002:7f00:1::", "2002:a9fe:a9fe::1"),
    *("2001:0:4136:e378:8000:63bf:3fff:fdd2", "5f00::1", "4000::1", "0:0:0:0:0:ffff:c0a8:1"),
]


@pytest.mark.parametrize("address", HOSTILE)
def test_every_other_address_is_refused(address: str) -> None:
    assert not PUBLIC.permits(address, 443)


def test_there_are_enough_hostile_addresses() -> None:
    assert len(HOSTILE) >= 40


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_a_sandbox_bank_calls_its_own_machine(address: str) -> None:
    assert SANDBOX.permits(address, 3000)


@pytest.mark.parametrize("address", ["10.0.0.1", "192.168.1.1", "::ffff:10.1.1.1", "fd12::1"])
def test_an_operator_may_allow_networks(address: str) -> None:
    assert not SANDBOX.permits(address, 80)
    assert INTERNAL.permits(address, 80)


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fd00:ec2::254", "0.0.0.0", "::"),
        *("224.0.0.1", "ff02::1", "255.255.255.255", "100.100.100.200", "64:ff9b::a9fe:a9fe"),
        *("2002:a9fe:a9fe::1", "::a9fe:a9fe", "168.63.129.16"),
    ],
)
def test_metadata_groups_and_nobody_are_refused_whatever_is_allowed(address: str) -> None:
    assert not INTERNAL.permits(address, 80)


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f000001", "2130706433", "a.b"])
def test_what_is_no_address_is_refused(text: str) -> None:
    """Names are resolved before: nothing here guesses what a resolver would make of one."""
    assert not INTERNAL.permits(text, 80)


def test_only_permitted_ports_are_called() -> None:
    egress = Egress.of((), ("443", "8443"))
    assert egress.permits("8.8.8.8", 443)
    assert egress.permits("8.8.8.8", 8443)
    for port in (22, 25, 80, 5432, 6379, 0):
        assert not egress.permits("8.8.8.8", port)


def test_a_socket_is_made_only_for_an_address_that_is_permitted() -> None:
    made = SANDBOX.open_socket(
        (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", 80))
    )
    made.close()
    with pytest.raises(AddressRefused):
        PUBLIC.open_socket(
            (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", 80))
        )
