"""Addresses that lead inward, sent for real: a receiver on this machine hears of none of them."""

import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override

from minibank.core.clock import SystemClock
from minibank.webhooks.delivering.egress import Egress
from minibank.webhooks.delivering.rules import SendingRules
from minibank.webhooks.delivering.sending import CheckingResolver, Sender
from tests.support.claims import claim_of
from tests.support.receiver import answering, receiving

PUBLIC = SendingRules(egress=Egress())

URLS = [
    *("http://127.0.0.1:{port}/", "http://127.0.0.2:{port}/", "http://127.1:{port}/"),
    *("http://127.0.1:{port}/", "http://2130706433:{port}/", "http://0x7f000001:{port}/"),
    *(
        "http://0x7f.0x0.0x0.0x1:{port}/",
        "http://0177.0.0.1:{port}/",
        "http://017700000001:{port}/",
    ),
    *("http://0:{port}/", "http://0.0.0.0:{port}/", "http://localhost:{port}/"),
    *(
        "http://LOCALHOST:{port}/",
        "http://localhost.:{port}/",
        "http://localhost.localdomain:{port}/",
    ),
    *("http://[::1]:{port}/", "http://[0:0:0:0:0:0:0:1]:{port}/", "http://[::]:{port}/"),
    *("http://[::ffff:127.0.0.1]:{port}/", "http://[::ffff:7f00:1]:{port}/"),
    *("http://[0:0:0:0:0:ffff:127.0.0.1]:{port}/", "http://[::127.0.0.1]:{port}/"),
    *("http://[64:ff9b::127.0.0.1]:{port}/", "http://[2002:7f00:1::]:{port}/"),
    *("http://[fe80::1]:{port}/", "http://[fe80::1%25lo]:{port}/", "http://[ff02::1]:{port}/"),
    *("http://u:p@127.0.0.1:{port}/", "http://bank.example@127.0.0.1:{port}/"),
    *("http://127.0.0.1:{port}/?@bank.example", "http://127.0.0.1:{port}#@bank.example/"),
    *("http://bank.example%2540@127.0.0.1:{port}/", "https://127.0.0.1:{port}/"),
    *("https://localhost:{port}/", "https://[::1]:{port}/", "http://127.0.0.1:{port}"),
    *("http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/latest/"),
    *(
        "http://100.100.100.200/",
        "http://168.63.129.16/",
        "http://10.0.0.1/",
        "http://192.168.0.1/",
    ),
    *(
        "http://172.16.0.1/",
        "http://[fd12:3456::1]/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
    ),
    *("http://%31%32%37.0.0.1:{port}/", "http://127.0.0.1%00.bank.example:{port}/"),
]


def test_there_are_enough_of_them() -> None:
    assert len(URLS) >= 40


@pytest.mark.parametrize("url", URLS)
async def test_an_address_that_leads_inward_is_never_connected_to(url: str) -> None:
    sender = Sender(PUBLIC, SystemClock(), SystemClock())
    async with receiving(answering(), host="127.0.0.1") as receiver:
        attempt = await sender.send(claim_of(url.format(port=receiver.port)))
        await sender.close()
        assert receiver.connections == 0
    assert attempt.status == 0
    assert attempt.fault in ("refused_address", "dns", "url")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
async def test_the_receiver_of_these_tests_would_hear(host: str) -> None:
    """Where it is allowed, the same addresses do arrive."""
    rules = SendingRules(egress=Egress.of(("127.0.0.0/8", "::1/128"), ()))
    sender = Sender(rules, SystemClock(), SystemClock())
    async with receiving(answering()) as receiver:
        attempt = await sender.send(claim_of(f"http://{host}:{receiver.port}/"))
        await sender.close()
    assert (attempt.status, len(receiver.requests)) == (200, 1)


async def test_a_port_that_is_not_allowed_is_not_connected_to() -> None:
    rules = SendingRules(egress=Egress.of(("127.0.0.0/8",), ("443",)))
    sender = Sender(rules, SystemClock(), SystemClock())
    async with receiving(answering()) as receiver:
        attempt = await sender.send(claim_of(receiver.url()))
        await sender.close()
    assert (attempt.fault, receiver.connections) == ("refused_address", 0)


def found(*addresses: str) -> list[ResolveResult]:
    return [
        ResolveResult(
            hostname="",
            host=address,
            port=0,
            family=socket.AF_INET6 if ":" in address else socket.AF_INET,
            proto=socket.IPPROTO_TCP,
            flags=socket.AI_NUMERICHOST,
        )
        for address in addresses
    ]


class Scripted(AbstractResolver):
    """Gives these addresses, one list after the other, whatever it is asked for; checks nothing."""

    def __init__(self, *answers: list[ResolveResult]) -> None:
        self.answers = list(answers)
        self.asked = 0

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The next list; the last one again and again."""
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [ResolveResult(**{**one, "port": port}) for one in answer]

    @override
    async def close(self) -> None:
        """Nothing to close."""


async def test_a_resolver_that_changes_its_answer_leads_nowhere() -> None:
    """What is checked is the address that is connected to, not one that was looked up before."""
    resolver = Scripted(found("93.184.216.34"), found("127.0.0.1"))
    await resolver.resolve("rebinding.example")
    sender = Sender(PUBLIC, SystemClock(), SystemClock(), resolver)
    async with receiving(answering()) as receiver:
        attempt = await sender.send(claim_of(f"http://rebinding.example:{receiver.port}/"))
        await sender.close()
    assert (resolver.asked, receiver.connections) == (2, 0)
    assert attempt.fault == "refused_address"


async def test_each_new_connection_is_checked_anew() -> None:
    """A name whose address was fine a moment ago."""
    rules = SendingRules(egress=Egress.of(("127.0.0.1/32",), ()))
    resolver = Scripted(found("127.0.0.1"), found("127.0.0.2"))
    sender = Sender(rules, SystemClock(), SystemClock(), resolver)
    async with receiving(answering(200, "Connection: close"), host="0.0.0.0") as receiver:
        url = f"http://rebinding.example:{receiver.port}/"
        faults = [(await sender.send(claim_of(url))).fault for _ in range(2)]
        await sender.close()
    assert faults == ["", "refused_address"]
    assert len(receiver.requests) == 1


async def test_a_name_with_good_and_bad_addresses_leads_to_the_good_ones() -> None:
    egress = Egress.of(("127.0.0.1/32",), ())
    sender = Sender(
        SendingRules(egress=egress),
        SystemClock(),
        SystemClock(),
        _Checked(egress, "127.0.0.2", "127.0.0.1"),
    )
    async with receiving(answering(), host="0.0.0.0") as receiver:
        attempt = await sender.send(claim_of(f"http://both.example:{receiver.port}/"))
        await sender.close()
    assert (attempt.status, attempt.fault) == (200, "")


class _Checked(CheckingResolver):
    """The bank's own resolver, with these addresses for every name."""

    def __init__(self, egress: Egress, *addresses: str) -> None:
        super().__init__(egress)
        self._addresses = addresses
        self.looked_up = 0

    @override
    def _look_up(self, host: str, port: int, family: int) -> list[ResolveResult]:
        self.looked_up += 1
        return [ResolveResult(**{**one, "port": port}) for one in found(*self._addresses)]
