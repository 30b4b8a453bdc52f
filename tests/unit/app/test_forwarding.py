"""Handing deliveries on: the very bytes there, the very answer back, and within bounds."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from minibank.app.forwarding import BODY_BYTES_MAX, EXCERPT_BYTES_MAX, Forwarder
from minibank.app.listening import Arrived, Ear, ear_of
from minibank.core.clock import SystemClock
from tests.support.receiver import Behaviour, answering, breaks_off, hangs, receiving, resets

KEY = "0123456789abcdef" * 2
BODY = b'{"type": "transaction.created",  "data": {"id": "tx_1"}}'
HEADERS = {
    "Content-Type": "application/json",
    "User-Agent": "minibank/1",
    "webhook-id": "delivery_1",
    "webhook-timestamp": "1773144000",
    "webhook-signature": "v1,c2lnbmVk",
    "Minibank-Sequence": "7",
    "X-Other": "stays here",
}


@dataclass
class Sent:
    """A bank that sends to a forwarder, and what the forwarder said of it."""

    url: str
    arrived: list[Arrived] = field(default_factory=list)

    async def post(self, body: bytes = BODY, path: str = "/acc_1") -> httpx.Response:
        """Send a delivery."""
        async with httpx.AsyncClient() as client:
            return await client.post(f"{self.url}{path}", content=body, headers=HEADERS)


@asynccontextmanager
async def forwarding(target: str | None) -> AsyncIterator[Sent]:
    sent = Sent("")
    forwarder = Forwarder(KEY, target, sent.arrived.append, SystemClock())
    async with forwarder.listening() as port:
        sent.url = Ear(port, KEY).url("acc_1").removesuffix("/acc_1")
        yield sent


async def test_the_bytes_and_the_headers_that_a_receiver_needs_are_handed_on():
    behaviour = answering(201, "Content-Type: text/x", "Retry-After: 9")
    async with receiving(behaviour) as receiver, forwarding(receiver.url("/hook?a=%2F")) as sent:
        answer = await sent.post()
    [request] = receiver.requests
    assert request.line == "POST /hook?a=%2F HTTP/1.1"
    assert request.body == BODY
    assert request.headers.items() >= {
        (name.lower(), value) for name, value in HEADERS.items() if name != "X-Other"
    }
    assert "x-other" not in request.headers
    assert (answer.status_code, answer.content) == (201, b"ok")
    assert (answer.headers["content-type"], answer.headers["retry-after"]) == ("text/x", "9")
    [arrived] = sent.arrived
    assert (arrived.account_id, arrived.delivery_id, arrived.sequence) == (
        "acc_1",
        "delivery_1",
        "7",
    )
    assert (arrived.body, arrived.status, arrived.fault) == (BODY, 201, "")


@pytest.mark.parametrize("status", [204, 302, 404, 410, 429, 500, 503])
async def test_the_bank_is_told_what_the_address_said(status: int):
    headers = ("Location: http://127.0.0.1:9/",) if status == 302 else ()
    body = b"" if status == 204 else b"ok"
    behaviour = answering(status, *headers, body=body)
    async with receiving(behaviour) as receiver, forwarding(receiver.url()) as sent:
        assert (await sent.post()).status_code == status
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("behaviour", "status", "fault"), [(resets, 502, "disconnected"), (breaks_off, 200, "")]
)
async def test_an_address_that_breaks_off_is_told_of_as_far_as_it_answered(
    behaviour: Behaviour, status: int, fault: str
):
    async with receiving(behaviour) as receiver, forwarding(receiver.url()) as sent:
        assert (await sent.post()).status_code == status
        assert (sent.arrived[0].status, sent.arrived[0].fault) == (status, fault)


async def test_an_address_where_nobody_is_and_one_that_is_slow_are_gateway_errors(
    monkeypatch: pytest.MonkeyPatch,
):
    async with receiving(answering()) as gone:
        pass
    async with forwarding(gone.url()) as sent:
        assert (await sent.post()).status_code == 502
        assert sent.arrived[0].fault == "connect"
    monkeypatch.setattr("minibank.app.forwarding.TOTAL_SECONDS", 0.2)
    async with receiving(hangs) as slow, forwarding(slow.url()) as sent:
        assert (await sent.post()).status_code == 504
        assert sent.arrived[0].fault == "timeout"


async def test_without_an_address_everything_is_taken():
    async with forwarding(None) as sent:
        assert (await sent.post()).status_code == 200
    assert sent.arrived[0].body == BODY


async def test_only_who_knows_the_key_is_heard_and_only_so_much():
    async with forwarding(None) as sent:
        mark = sent.url.removesuffix(KEY)
        async with httpx.AsyncClient() as client:
            assert (await client.post(f"{mark}{'f' * 32}/acc_1", content=BODY)).status_code == 404
            assert (await client.get(f"{mark}{'f' * 32}")).status_code == 404
            assert (await client.get(sent.url)).status_code == 200
        assert (await sent.post(b"x" * (BODY_BYTES_MAX + 1))).status_code == 413
    assert sent.arrived == []


async def test_no_more_of_an_answer_is_given_back_than_the_bank_keeps():
    long = answering(200, body=b"x" * (EXCERPT_BYTES_MAX + 1))
    async with receiving(long) as receiver, forwarding(receiver.url()) as sent:
        assert (await sent.post()).content == b"x" * EXCERPT_BYTES_MAX


@pytest.mark.parametrize(
    ("url", "ear"),
    [
        (f"http://127.0.0.1:80/minibank-listen/{KEY}/acc_1", Ear(80, KEY)),
        (f"http://127.0.0.1:80/minibank-listen/{KEY}", None),
        (f"https://127.0.0.1:80/minibank-listen/{KEY}/acc_1", None),
        (f"http://127.0.0.2:80/minibank-listen/{KEY}/acc_1", None),
        (f"http://127.0.0.1:80/hook/minibank-listen/{KEY}/acc_1", None),
        ("http://127.0.0.1:80/minibank-listen/key/acc_1", None),
        (f"http://127.0.0.1:80/minibank-listen/{KEY}/acc_1?more", None),
    ],
)
def test_an_address_is_known_by_its_mark_and_its_key(url: str, ear: Ear | None):
    assert ear_of(url) == ear
