"""One attempt, by real sockets: what is sent, and that nothing a receiver does is unbounded."""

import gzip
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from minibank import __version__
from minibank.core.clock import SystemClock
from minibank.webhooks.delivering import sending
from minibank.webhooks.delivering.egress import Egress
from minibank.webhooks.delivering.records import Attempt
from minibank.webhooks.delivering.rules import SendingRules
from minibank.webhooks.delivering.sending import (
    EXCERPT_BYTES_MAX,
    HEADERS_BYTES_MAX,
    Sender,
)
from tests.support.certificates import write_pair
from tests.support.claims import BODY, claim_of
from tests.support.receiver import (
    Behaviour,
    answering,
    babbles,
    bombs,
    breaks_off,
    closes,
    drips,
    drips_headers,
    floods,
    hangs,
    receiving,
    resets,
)

LOOPBACK = Egress.of(("127.0.0.0/8", "::1/128"), ())


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    made = Sender(SendingRules(egress=LOOPBACK), SystemClock(), SystemClock())
    yield made
    await made.close()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds are tenths of seconds."""
    monkeypatch.setattr(sending, "CONNECT_SECONDS", 0.5)
    monkeypatch.setattr(sending, "TOTAL_SECONDS", 1.0)


async def send_to(behaviour: Behaviour, rules: SendingRules | None = None) -> Attempt:
    rules = rules or SendingRules(egress=LOOPBACK)
    sender = Sender(rules, SystemClock(), SystemClock())
    try:
        async with receiving(behaviour) as receiver:
            return await sender.send(claim_of(receiver.url()))
    finally:
        await sender.close()


async def test_a_request_is_what_the_documentation_says(sender: Sender) -> None:
    async with receiving(answering()) as receiver:
        attempt = await sender.send(claim_of(receiver.url("/hook?key=a%2Fb&x=%20")))
    [request] = receiver.requests
    assert request.line == "POST /hook?key=a%2Fb&x=%20 HTTP/1.1"
    assert request.body == BODY
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"] == f"minibank/{__version__}"
    assert request.headers["webhook-id"] == "delivery_1"
    assert request.headers["minibank-sequence"] == "42"
    assert abs(int(request.headers["webhook-timestamp"]) - SystemClock().now() / 1e6) < 60
    assert not {"accept-encoding", "cookie", "authorization"} & request.headers.keys()
    assert (attempt.status, attempt.excerpt, attempt.fault) == (200, b"ok", "")
    assert attempt.succeeded


async def test_userinfo_becomes_basic_authentication_and_is_not_recorded(sender: Sender) -> None:
    async with receiving(answering()) as receiver:
        url = receiver.url().replace("http://", "http://ada:se%20cret@")
        attempt = await sender.send(claim_of(url))
    [request] = receiver.requests
    assert request.headers["authorization"] == "Basic YWRhOnNlIGNyZXQ="
    assert "ada" not in request.line
    assert ("Authorization", "(hidden)") in attempt.request_headers
    assert "YWRh" not in repr(attempt)


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
async def test_an_answer_of_another_class_is_recorded_as_it_is(status: int) -> None:
    attempt = await send_to(answering(status, "X-Why: because", body=b"no"))
    assert (attempt.status, attempt.excerpt, attempt.succeeded) == (status, b"no", False)
    assert ("X-Why", "because") in attempt.response_headers
    assert attempt.result == f"{status // 100}xx"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    async with receiving(answering()) as elsewhere:
        attempt = await send_to(answering(status, f"Location: {elsewhere.url('/stolen')}"))
    assert elsewhere.connections == 0
    assert (attempt.status, attempt.succeeded) == (status, False)


async def test_cookies_are_not_kept(sender: Sender) -> None:
    async with receiving(answering(200, "Set-Cookie: a=b; Path=/")) as receiver:
        for _ in range(2):
            await sender.send(claim_of(receiver.url()))
    assert [one.headers.get("cookie") for one in receiver.requests] == [None, None]


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    ("behaviour", "fault"),
    [
        (hangs, "timeout"),
        (drips_headers, "timeout"),
        (resets, "disconnected"),
        (closes, "disconnected"),
        (babbles, "protocol"),
    ],
)
async def test_a_receiver_without_an_answer_is_named(behaviour: Behaviour, fault: str) -> None:
    attempt = await send_to(behaviour)
    assert (attempt.status, attempt.fault, attempt.result) == (0, fault, fault)
    assert attempt.microseconds < 5_000_000


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("behaviour", [drips, breaks_off])
async def test_a_body_that_does_not_end_changes_nothing(behaviour: Behaviour) -> None:
    """The status came in time, and that is what counts."""
    attempt = await send_to(behaviour)
    assert (attempt.status, attempt.fault) == (200, "")
    assert attempt.excerpt
    assert attempt.microseconds < 5_000_000


async def test_no_more_is_read_of_a_body_than_is_kept() -> None:
    attempt = await send_to(floods)
    assert (attempt.status, len(attempt.excerpt)) == (200, EXCERPT_BYTES_MAX)


async def test_nothing_is_decompressed() -> None:
    packed = gzip.compress(b"\0" * 10_000_000)
    attempt = await send_to(bombs(packed))
    assert attempt.excerpt == packed[:EXCERPT_BYTES_MAX]


async def test_headers_are_kept_up_to_a_bound_and_are_text() -> None:
    many = [f"X-{n}: {'v' * 900}" for n in range(20)]
    attempt = await send_to(answering(200, "X-Odd: caf\xe9\xff", *many))
    assert attempt.status == 200
    kept = attempt.response_headers
    assert sum(len(name) + len(value) for name, value in kept) <= HEADERS_BYTES_MAX
    assert any(name == "X-Odd" for name, _ in kept)
    assert all(value.encode() for _, value in kept)


async def test_a_header_that_is_too_long_is_a_fault() -> None:
    attempt = await send_to(answering(200, f"X-Long: {'v' * 20_000}"))
    assert attempt.fault == "protocol"


async def test_nobody_listens(sender: Sender) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        attempt = await sender.send(claim_of(f"http://127.0.0.1:{taken.getsockname()[1]}/"))
    assert attempt.fault == "connect"


@pytest.mark.usefixtures("hasty")
async def test_a_connection_that_is_not_accepted_is_given_up() -> None:
    """As of a machine that is gone: nothing comes back at all."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        for one in fillers:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        sender = Sender(SendingRules(egress=LOOPBACK), SystemClock(), SystemClock())
        attempt = await sender.send(claim_of(f"http://127.0.0.1:{full.getsockname()[1]}/"))
        await sender.close()
        for one in fillers:
            one.close()
    assert attempt.fault == "connect_timeout"


async def test_a_name_that_nobody_knows(sender: Sender) -> None:
    attempt = await sender.send(claim_of("http://nobody.invalid/"))
    assert attempt.fault == "dns"


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        ("Retry-After: 120", 120, 120),
        ("Retry-After: 0", 0, 0),
        ("Retry-After: 99999999999999999999", 999_999_999, 999_999_999),
        ("Retry-After: Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("Retry-After: Fri, 31 Dec 2100 23:59:59 GMT", 10**9, 10**10),
    ],
)
async def test_a_receiver_may_ask_to_wait(header: str, low: int, high: int) -> None:
    attempt = await send_to(answering(429, header))
    assert attempt.retry_after is not None
    assert low <= attempt.retry_after <= high


@pytest.mark.parametrize("value", ["soon", "-1", "1.5", "", "\xb2", "Wed, 99 Foo 2015"])
async def test_what_cannot_be_read_of_a_wait_is_passed_over(value: str) -> None:
    attempt = await send_to(answering(429, f"Retry-After: {value}"))
    assert (attempt.status, attempt.retry_after) == (429, None)


async def test_a_certificate_is_verified(tmp_path: Path) -> None:
    authority, other = trustme.CA(), trustme.CA()
    certificate, key = write_pair(tmp_path, "receiver", authority)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    ca_file = tmp_path / "ca.pem"
    async with receiving(answering(), tls=tls) as receiver:
        for trusted, fault in ((authority, ""), (other, "tls")):
            trusted.cert_pem.write_to_path(str(ca_file))
            rules = SendingRules(egress=LOOPBACK, ca_file=str(ca_file))
            sender = Sender(rules, SystemClock(), SystemClock())
            for host, expected in (("localhost", fault), ("127.0.0.1", fault)):
                url = receiver.url(scheme="https", host=host)
                assert (await sender.send(claim_of(url))).fault == expected, (host, fault)
            await sender.close()
        unknown = await send_with(SendingRules(egress=LOOPBACK), receiver.url(scheme="https"))
    assert unknown.fault == "tls"
    assert len(receiver.requests) == 2


async def test_a_certificate_of_another_name_is_refused(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate, key = write_pair(tmp_path, "receiver", authority)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    async with receiving(answering(), host="127.0.0.2", tls=tls) as receiver:
        rules = SendingRules(egress=LOOPBACK, ca_file=str(ca_file))
        attempt = await send_with(rules, receiver.url(scheme="https", host="127.0.0.2"))
    assert attempt.fault == "tls"


async def send_with(rules: SendingRules, url: str) -> Attempt:
    sender = Sender(rules, SystemClock(), SystemClock())
    try:
        return await sender.send(claim_of(url))
    finally:
        await sender.close()


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("behaviour", [answering(), answering(500), resets, hangs, babbles])
async def test_an_attempt_says_nothing_of_the_address_but_its_host(
    behaviour: Behaviour, capfd: pytest.CaptureFixture[str]
) -> None:
    """People put a secret into it: neither what is recorded nor any log may have more."""
    sender = Sender(SendingRules(egress=LOOPBACK), SystemClock(), SystemClock())
    async with receiving(behaviour) as receiver:
        url = receiver.url("/hooks/s3cret?key=s3cret").replace("http://", "http://s3cret:s3cret@")
        attempt = await sender.send(claim_of(url))
        refused = Sender(SendingRules(egress=Egress()), SystemClock(), SystemClock())
        unsent = await refused.send(claim_of(url))
        await refused.close()
    await sender.close()
    assert "s3cret" not in repr((attempt, unsent, claim_of(url)))
    out, err = capfd.readouterr()
    assert "s3cret" not in out + err
