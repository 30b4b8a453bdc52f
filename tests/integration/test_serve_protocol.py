"""What the server does before the API sees a request, and when it stops."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from minibank.app.errors import StartError
from minibank.app.protocol import HEAD_BYTES_MAX
from minibank.app.server import listen, local_url, located, serve
from minibank.settings import Settings

LOCAL = Settings(port=0, drain_seconds=2)
GET = b"GET /ping HTTP/1.1\r\nhost: bank\r\n\r\n"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Streams]]


async def echo(scope, receive, send):
    """Answer with what the server said of the connection."""
    body = json.dumps({"client": scope["client"][0], "scheme": scope["scheme"]}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving(app, settings: Settings) -> AsyncIterator[Connect]:
    """A server that answers; stopped as an operator stops it."""
    listener = listen(settings)
    port = listener.getsockname()[1]
    ready = asyncio.Event()

    async def is_ready() -> None:
        ready.set()

    running = asyncio.create_task(serve(app, settings, listener, is_ready))
    await ready.wait()
    try:
        yield lambda: asyncio.open_connection("127.0.0.1", port)
    finally:
        if not running.done():
            signal.raise_signal(signal.SIGTERM)
        await running


async def exchange(
    connect: Connect, request: bytes, limit: int = 1 << 20
) -> tuple[int, dict[str, str], bytes]:
    """Send bytes, read the answer until the server closes or its body is whole."""
    reader, writer = await connect()
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status = int(head.split(" ", 2)[1])
    lines = head.split("\r\n")[1:-2]
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = (
        await reader.readexactly(int(headers["content-length"]))
        if "content-length" in headers
        else b""
    )
    if not body:
        body = await asyncio.wait_for(reader.read(limit), 5)
    writer.close()
    return status, headers, body


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"get /ping HTTP/1.1\r\nhost: bank\r\n\r\n",
        b"GET /\xc3\xa4 HTTP/1.1\r\nhost: bank\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: bank\r\ncontent-length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_what_is_no_http_is_answered_in_the_form_of_the_api(request_bytes):
    async with serving(echo, LOCAL) as connect:
        status, headers, body = await exchange(connect, request_bytes)
    assert status == 400
    assert headers["content-type"] == "application/json"
    assert headers["connection"] == "close"
    assert headers["x-request-id"] == headers["trace-id"] != ""
    assert json.loads(body) == {
        "code": "bad_request",
        "message": "This is not an HTTP request that can be read",
        "params": {},
    }


@pytest.mark.parametrize("pieces", [1, 4, 400])
async def test_headers_beyond_the_limit_are_refused_however_they_arrive(pieces):
    size = 3 * HEAD_BYTES_MAX // pieces
    request = b"GET /ping HTTP/1.1\r\n"
    request += b"".join(b"x-%d: %s\r\n" % (n, b"a" * size) for n in range(pieces)) + b"\r\n"
    async with serving(echo, LOCAL) as connect:
        status, headers, body = await exchange(connect, request)
    assert status == 431
    assert json.loads(body)["code"] == "bad_request.headers_too_large"
    assert headers["content-type"] == "application/json"


async def test_headers_within_the_limit_are_read():
    request = b"GET /ping HTTP/1.1\r\nx: %s\r\nhost: bank\r\n\r\n" % (b"a" * (HEAD_BYTES_MAX // 2))
    async with serving(echo, LOCAL) as connect:
        status, _, _ = await exchange(connect, request)
    assert status == 200


async def test_many_requests_on_one_connection_each_have_the_whole_limit():
    request = b"GET /ping HTTP/1.1\r\nx: %s\r\nhost: bank\r\n\r\n" % (b"a" * 1000)
    async with serving(echo, LOCAL) as connect:
        reader, writer = await connect()
        for _ in range(HEAD_BYTES_MAX // 1000 + 2):
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in answer
            await reader.readuntil(b"}")
            await reader.readuntil(b"\r\n0\r\n\r\n")
        writer.close()


async def test_a_request_head_that_never_ends_is_given_up():
    slow = Settings(port=0, header_seconds=1)
    async with serving(echo, slow) as connect:
        started = asyncio.get_running_loop().time()
        status, _, body = await exchange(connect, b"GET /ping HTTP/1.1\r\nx: ")
        assert asyncio.get_running_loop().time() - started < 4
        reader, silent = await connect()
        assert await asyncio.wait_for(reader.read(), 4) == b"", "a silent connection is closed"
        silent.close()
    assert status == 408
    assert json.loads(body)["code"] == "timeout.headers"


async def test_the_server_does_not_say_what_it_is():
    async with serving(echo, LOCAL) as connect:
        _, headers, _ = await exchange(
            connect, GET.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
        )
    assert "server" not in headers


FORWARDED = (
    b"GET / HTTP/1.1\r\nhost: bank\r\nx-forwarded-for: 203.0.113.9\r\nx-forwarded-proto: https\r\n"
    b"connection: close\r\n\r\n"
)


@pytest.mark.parametrize(
    ("proxies", "said"),
    [
        ((), '{"client": "127.0.0.1", "scheme": "http"}'),
        (("10.0.0.0/8",), '{"client": "127.0.0.1", "scheme": "http"}'),
        (("127.0.0.0/8",), '{"client": "203.0.113.9", "scheme": "https"}'),
    ],
)
async def test_only_a_named_proxy_is_believed_about_the_client(proxies, said):
    async with serving(echo, Settings(port=0, trusted_proxies=proxies)) as connect:
        _, _, body = await exchange(connect, FORWARDED)
    assert said.encode() in body


async def test_more_requests_than_allowed_are_refused_at_once_and_the_others_answered():
    release = asyncio.Event()

    async def waiting(scope, receive, send):
        await release.wait()
        await echo(scope, receive, send)

    async with serving(waiting, Settings(port=0, requests_max=2)) as connect:
        held = [asyncio.create_task(exchange(connect, GET)) for _ in range(2)]
        await asyncio.sleep(0.2)
        busy = GET.replace(b"\r\n\r\n", b"\r\norigin: https://app.example\r\n\r\n")
        status, headers, body = await exchange(connect, busy)
        release.set()
        answers = await asyncio.gather(*held)
        after, _, _ = await exchange(connect, GET)
    assert (status, headers["retry-after"]) == (429, "1")
    assert headers["access-control-allow-origin"] == "*"
    assert headers["x-request-id"] == headers["trace-id"] != ""
    assert json.loads(body)["code"] == "rate_limited.overloaded"
    assert [answer[0] for answer in answers] == [200, 200]
    assert after == 200


async def test_a_stop_lets_requests_that_run_finish():
    release = asyncio.Event()

    async def waiting(scope, receive, send):
        await release.wait()
        await echo(scope, receive, send)

    async with serving(waiting, LOCAL) as connect:
        held = asyncio.create_task(exchange(connect, GET))
        await asyncio.sleep(0.2)
        signal.raise_signal(signal.SIGTERM)
        await asyncio.sleep(0.2)
        with pytest.raises(ConnectionRefusedError):
            await connect()
        release.set()
        assert (await held)[0] == 200


async def test_a_taken_port_is_said_in_one_sentence():
    with listen(LOCAL) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(StartError, match=f"port {port} of 127.0.0.1 is taken"):
            listen(Settings(port=port))


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.77"])
def test_a_host_that_is_not_this_machine_is_said_in_one_sentence(host):
    with pytest.raises(StartError, match="cannot be listened on"):
        listen(Settings(host=host, port=0))


def test_a_server_knows_its_port_and_public_address_before_it_answers():
    with listen(LOCAL) as listener:
        found = located(LOCAL, listener)
        port = listener.getsockname()[1]
        assert (found.port, found.public_url) == (port, f"http://127.0.0.1:{port}")
        secure = located(Settings(port=0, tls="dev"), listener)
        assert secure.public_url == f"https://127.0.0.1:{port}"
        named = located(Settings(port=0, public_url="https://api.example.com"), listener)
        assert named.public_url == "https://api.example.com"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "://127.0.0.1:80"),
        ("0.0.0.0", "://127.0.0.1:80"),
        ("::", "://[::1]:80"),
        ("::1", "://[::1]:80"),
        ("bank.local", "://bank.local:80"),
    ],
)
def test_an_address_to_paste_names_a_host_that_can_be_reached(host, url):
    assert local_url(Settings(host=host, port=80)) == f"http{url}"
    assert local_url(Settings(host=host, port=80, tls="dev")) == f"https{url}"
