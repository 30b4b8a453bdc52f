"""Bytes on a socket, to a server as people start it: whatever comes is answered or ended."""

import json
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from minibank.app.protocol import HEAD_BYTES_MAX, PIPELINED_MAX
from tests.integration.test_serve_workers import Server, serving

SECONDS = 1
"""What the server under test gives a client for a head, and for a body before it counts."""
PATIENCE = 15
BYTES_PER_SECOND = 1_000
GET = b"GET /ping HTTP/1.1\r\nhost: bank\r\n\r\n"
POST = b"POST /oauth2/token HTTP/1.1\r\nhost: bank\r\n"
FORM = b"content-type: application/x-www-form-urlencoded\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A bank whose patience is short."""
    directory = tmp_path_factory.mktemp("edge")
    short = {
        "header_seconds": SECONDS,
        "body_grace_seconds": SECONDS,
        "body_bytes_per_second_min": BYTES_PER_SECOND,
        "keep_alive_seconds": 2,
    }
    flags = [text for name, value in short.items() for text in ("--set", f"{name}={value}")]
    with serving(directory, f"sqlite:///{directory}/bank.db", *flags) as running:
        yield running


@pytest.fixture
def connect(server: Server) -> Iterator[Any]:
    """Opens connections to it; whatever a test did, it answers others afterwards."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    opened: list[socket.socket] = []

    def open_one() -> socket.socket:
        opened.append(socket.create_connection((host, int(port)), timeout=PATIENCE))
        return opened[-1]

    yield open_one
    with open_one() as last:
        last.sendall(GET)
        assert answer_on(last).status == 200
    for one in opened:
        one.close()
    assert "Traceback" not in server.said()
    assert "Exception" not in server.said()


@dataclass(frozen=True)
class Answer:
    """One answer, taken off the wire."""

    status: int
    headers: dict[str, str]
    body: bytes
    interim: list[int]

    @property
    def code(self) -> str:
        """The code of a refusal; its form is that of all of them."""
        assert self.headers["content-type"] == "application/json"
        assert self.headers["x-request-id"] == self.headers["trace-id"] != ""
        document = json.loads(self.body)
        assert document["message"]
        assert document["params"] == {}
        return str(document["code"])


def take(connection: socket.socket, size: int) -> bytes:
    """Exactly so many bytes."""
    found = b""
    while len(found) < size:
        piece = connection.recv(size - len(found))
        assert piece, (found, "and then the connection ended")
        found += piece
    return found


def head_on(connection: socket.socket) -> tuple[int, dict[str, str]]:
    """A status and its headers."""
    found = b""
    while not found.endswith(b"\r\n\r\n"):
        found += take(connection, 1)
    line, *lines = found.decode("latin-1").split("\r\n")
    pairs = (text.partition(": ") for text in lines if text)
    return int(line.split(" ")[1]), {name.lower(): value for name, _, value in pairs}


def answer_on(connection: socket.socket) -> Answer:
    """The next answer on a connection."""
    interim = []
    status, headers = head_on(connection)
    while status < 200:
        interim.append(status)
        status, headers = head_on(connection)
    return Answer(status, headers, take(connection, int(headers["content-length"])), interim)


def is_ended(connection: socket.socket) -> bool:
    """Whether the server closes, within the test's patience; a reset is an end too."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


MALFORMED = {
    "no HTTP": b"nonsense\r\n\r\n",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "HTTP/2 without asking": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /ping\r\n\r\n",
    "a version that is none": b"GET /ping HTTP/9.7\r\nhost: bank\r\n\r\n",
    "a lower-case method": b"get /ping HTTP/1.1\r\nhost: bank\r\n\r\n",
    "a method that is none": b"FETCH /ping HTTP/1.1\r\nhost: bank\r\n\r\n",
    "no target": b"GET  HTTP/1.1\r\nhost: bank\r\n\r\n",
    "a target without a slash": b"GET ping HTTP/1.1\r\nhost: bank\r\n\r\n",
    "a space in the target": b"GET /pi ng HTTP/1.1\r\nhost: bank\r\n\r\n",
    "a target that is not ASCII": "GET /ä HTTP/1.1\r\nhost: bank\r\n\r\n".encode(),
    "an asterisk": b"OPTIONS * HTTP/1.1\r\nhost: bank\r\n\r\n",
    "a tunnel": b"CONNECT api.monzo.com:443 HTTP/1.1\r\nhost: bank\r\n\r\n",
    "a header without a colon": b"GET /ping HTTP/1.1\r\nhost: bank\r\nnonsense\r\n\r\n",
    "a header without a name": b"GET /ping HTTP/1.1\r\nhost: bank\r\n: x\r\n\r\n",
    "a space before the colon": b"GET /ping HTTP/1.1\r\nhost: bank\r\nx : y\r\n\r\n",
    "NUL in a header": b"GET /ping HTTP/1.1\r\nhost: bank\r\nx: a\x00b\r\n\r\n",
    "a bare CR in a header": b"GET /ping HTTP/1.1\r\nhost: bank\r\nx: a\rb: c\r\n\r\n",
    "no host": b"GET /ping HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /ping HTTP/1.1\r\nhost: bank\r\nhost: bank\r\n\r\n",
    "an absolute target without a host": b"GET http:///ping HTTP/1.1\r\nhost: bank\r\n\r\n",
    "a length that is none": POST + b"content-length: x\r\n\r\n",
    "a negative length": POST + b"content-length: -1\r\n\r\n",
    "a length beyond all numbers": POST + b"content-length: 99999999999999999999999\r\n\r\n",
    "two lengths": POST + b"content-length: 1\r\ncontent-length: 1\r\n\r\na",
    "two lengths that differ": POST + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "a list of lengths": POST + b"content-length: 1, 1\r\n\r\na",
    "a length and chunks": POST
    + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and a length": POST
    + b"transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n",
    "an encoding that is not chunks": POST + b"transfer-encoding: gzip\r\n\r\nabc",
    "chunks not as the last": POST + b"transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "a chunk without a size": POST + b"transfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n",
    "a chunk longer than it says": POST + b"transfer-encoding: chunked\r\n\r\n2\r\nabcdef\r\n",
    "a chunk beyond all numbers": POST
    + b"transfer-encoding: chunked\r\n\r\nfffffffffffffffffff\r\nabc",
}


@pytest.mark.parametrize("case", MALFORMED)
def test_what_is_no_http_is_answered_in_json_and_ends_the_connection(connect, case: str):
    with connect() as connection:
        connection.sendall(MALFORMED[case])
        answer = answer_on(connection)
        assert (answer.status, answer.code) == (400, "bad_request"), answer
        assert answer.headers["connection"] == "close"
        assert is_ended(connection)


@pytest.mark.parametrize("case", MALFORMED)
def test_no_request_hides_behind_one_that_is_refused(connect, case: str):
    with connect() as connection:
        connection.sendall(MALFORMED[case] + GET)
        assert answer_on(connection).status == 400
        assert is_ended(connection), "one answer and no more"


@pytest.mark.parametrize("pieces", [1, 3, 64, 1000])
@pytest.mark.parametrize("size", [HEAD_BYTES_MAX + 1000, 64 * 1024, 1024 * 1024])
def test_headers_over_the_limit_are_refused_however_many_they_are(connect, pieces: int, size: int):
    header = b"x: " + b"a" * (size // pieces) + b"\r\n"
    with connect() as connection:
        sent = b"GET /ping HTTP/1.1\r\nhost: bank\r\n" + header * pieces + b"\r\n"
        try:
            connection.sendall(sent)
        except (ConnectionResetError, BrokenPipeError):
            assert size > 64 * 1024, "what fits into the buffers is sent"
            return
        try:
            answer = answer_on(connection)
        except ConnectionResetError:
            assert size > 64 * 1024, "closing with bytes unread may take the answer away"
            return
        assert (answer.status, answer.code) == (431, "bad_request.headers_too_large")
        assert is_ended(connection)


def test_a_target_over_the_limit_is_refused_and_headers_within_it_are_not(connect):
    with connect() as connection:
        connection.sendall(b"GET /%s HTTP/1.1\r\nhost: bank\r\n\r\n" % (b"a" * HEAD_BYTES_MAX))
        assert answer_on(connection).status == 431
    with connect() as connection:
        filler = b"x: " + b"a" * (HEAD_BYTES_MAX - 200) + b"\r\n"
        connection.sendall(b"GET /ping HTTP/1.1\r\nhost: bank\r\n" + filler + b"\r\n")
        assert answer_on(connection).status == 200


HALVES = [b"G", b"GET /pi", b"GET /ping HTTP/1.1\r\n", b"GET /ping HTTP/1.1\r\nho", GET[:-1]]


@pytest.mark.parametrize("half", HALVES)
def test_a_head_that_stops_half_way_is_answered_when_its_time_is_over(connect, half: bytes):
    with connect() as connection:
        connection.sendall(half)
        answer = answer_on(connection)
        assert (answer.status, answer.code) == (408, "timeout.headers")
        assert is_ended(connection)


def test_a_head_that_trickles_has_no_more_time_than_one_that_stops(connect):
    with connect() as connection:
        started = time.monotonic()
        connection.settimeout(0.1)
        connection.sendall(b"GET /ping HTTP/1.1\r\n")
        while time.monotonic() - started < 10 * SECONDS:
            try:
                connection.sendall(b"x: y\r\n")
                if connection.recv(1):
                    break
            except TimeoutError:
                continue
        assert time.monotonic() - started < 4 * SECONDS


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"\r\n\r\n\r\n"])
@pytest.mark.parametrize("first", [b"", GET])
def test_a_connection_on_which_nothing_is_asked_is_closed(connect, sent: bytes, first: bytes):
    with connect() as connection:
        connection.sendall(first)
        if first:
            assert answer_on(connection).status == 200
        started = time.monotonic()
        connection.settimeout(0.2)
        while time.monotonic() - started < PATIENCE:
            try:
                connection.sendall(sent)
                connection.recv(4096)  # returns at the end, or with a refusal before it
                break
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                break
        assert time.monotonic() - started < 6 * SECONDS


@pytest.mark.parametrize(
    "head",
    [
        POST + FORM + b"content-length: 100\r\n\r\n",
        POST + FORM + b"transfer-encoding: chunked\r\n\r\n",
        POST + FORM + b"transfer-encoding: chunked\r\n\r\n5\r\nab",
        POST + FORM + b"transfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n",
    ],
)
def test_a_body_that_stops_half_way_is_answered_when_its_time_is_over(connect, head: bytes):
    with connect() as connection:
        connection.sendall(head)
        answer = answer_on(connection)
        assert (answer.status, answer.code) == (408, "timeout.body")
        assert is_ended(connection)


def send_slowly(connection: socket.socket, size: int, bytes_per_second: int) -> None:
    """A body at a steady rate, until it is sent or the server has had enough."""
    step = max(bytes_per_second // 20, 1)
    for _ in range(0, size, step):
        try:
            connection.sendall(b"a" * step)
        except (BrokenPipeError, ConnectionResetError):
            return
        time.sleep(step / bytes_per_second)


def test_a_body_slower_than_the_minimum_rate_is_given_up_and_a_faster_one_is_not(connect):
    size = 6 * BYTES_PER_SECOND
    head = POST + FORM + b"content-length: %d\r\n\r\n" % size
    with connect() as slow:
        slow.sendall(head)
        started = time.monotonic()
        send_slowly(slow, size // 4, BYTES_PER_SECOND // 4)
        assert answer_on(slow).code == "timeout.body"
        assert time.monotonic() - started < 10
    with connect() as steady:
        steady.sendall(head)
        send_slowly(steady, size, 2 * BYTES_PER_SECOND)
        assert answer_on(steady).status == 400, "it is read, and no grant is in it"


def test_pipelined_requests_are_answered_in_their_order(connect):
    with connect() as connection:
        whoami = b"GET /ping/whoami HTTP/1.1\r\nhost: bank\r\n\r\n"
        connection.sendall((GET + whoami) * 10)
        assert [answer_on(connection).status for _ in range(20)] == [200, 401] * 10


@pytest.mark.parametrize(
    ("bad", "status"),
    [
        (b"get / HTTP/1.1\r\n\r\n", 400),
        (POST + b"transfer-encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"GET /ping HTTP/1.1\r\nx: " + b"a" * (HEAD_BYTES_MAX + 1) + b"\r\n\r\n", 431),
        (b"GET /ping HT", 408),
        (POST + b"content-length: 5\r\n\r\nab", 408),
    ],
)
def test_what_was_asked_before_a_bad_request_is_still_answered(connect, bad: bytes, status: int):
    with connect() as connection:
        connection.sendall(GET * 3 + bad)
        answers = [answer_on(connection) for _ in range(4)]
        assert [answer.status for answer in answers] == [200, 200, 200, status]
        assert answers[-1].code
        assert is_ended(connection)


def test_a_flood_of_pipelined_requests_is_cut(connect):
    with connect() as connection:
        connection.sendall(GET * 3 * PIPELINED_MAX)
        statuses: list[int] = []
        while not statuses or statuses[-1] == 200:
            statuses.append(answer_on(connection).status)
        assert statuses[-1] == 429
        assert len(statuses) >= PIPELINED_MAX
        assert is_ended(connection)


PARTS = [b"", b"GET /pi", GET, POST + b"content-length: 10\r\n\r\nabc", GET * 50, b"\r\n"]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("with_reset", [True, False])
def test_a_client_that_goes_away_early_harms_nobody(connect, part: bytes, with_reset: bool):
    for _ in range(5):
        connection = connect()
        connection.sendall(part)
        if with_reset:
            linger_none = b"\x01\x00\x00\x00\x00\x00\x00\x00"
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_none)
        connection.close()


@pytest.mark.parametrize("requests", [1, 3])
def test_a_client_that_says_no_more_still_gets_its_answers(connect, requests: int):
    with connect() as connection:
        connection.sendall(GET * requests)
        connection.shutdown(socket.SHUT_WR)
        assert [answer_on(connection).status for _ in range(requests)] == [200] * requests
        assert is_ended(connection)


@pytest.mark.parametrize(
    "part", [b"GET /ping HTTP/1.1\r\nho", POST + b"content-length: 10\r\n\r\nabc"]
)
def test_a_request_that_is_cut_short_is_refused_at_once(connect, part: bytes):
    with connect() as connection:
        started = time.monotonic()
        connection.sendall(part)
        connection.shutdown(socket.SHUT_WR)
        assert answer_on(connection).code == "bad_request"
        assert is_ended(connection)
        assert time.monotonic() - started < SECONDS


def test_a_client_that_asks_first_is_told_to_go_on(connect):
    body = b"grant_type=nonsense"
    head = POST + FORM + b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(body)
    with connect() as connection:
        connection.sendall(head)
        assert head_on(connection)[0] == 100
        connection.sendall(body)
        answer = answer_on(connection)
        assert (answer.status, answer.interim) == (400, [])
        connection.sendall(GET)
        assert answer_on(connection).status == 200


def test_a_client_that_asks_first_about_too_much_is_refused_without_sending_it(connect):
    head = POST + FORM + b"expect: 100-continue\r\ncontent-length: 999999999\r\n\r\n"
    with connect() as connection:
        connection.sendall(head)
        answer = answer_on(connection)
        assert (answer.status, answer.interim) == (413, [])
        assert is_ended(connection), "what came next could be taken for the body"


@pytest.mark.parametrize("path", [b"/ping", b"/no/such/path"])
def test_the_rest_of_a_body_after_its_answer_has_only_so_much_time(connect, path: bytes):
    with connect() as connection:
        connection.sendall(
            b"POST %s HTTP/1.1\r\nhost: bank\r\ncontent-length: 99999999\r\n\r\nabc" % path
        )
        assert answer_on(connection).status in {404, 405, 413}
        started = time.monotonic()
        try:
            while time.monotonic() - started < PATIENCE:
                connection.sendall(b"a" * 100)
                time.sleep(0.05)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert time.monotonic() - started < 5 * SECONDS


def test_a_connection_goes_on_after_a_body_that_came_behind_its_answer(connect):
    with connect() as connection:
        connection.sendall(POST + b"content-length: 300000\r\n\r\n")
        assert answer_on(connection).status == 413
        connection.sendall(b"a" * 300_000 + GET)
        assert answer_on(connection).status == 200


def test_chunked_bodies_are_read_however_they_are_cut(connect):
    chunks = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(one), one) for one in (b"grant_", b"type=x"))
    whole = POST + FORM + b"transfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\nx: y\r\n\r\n"
    with connect() as connection:
        for step in (len(whole), 7, 1):
            for start in range(0, len(whole), step):
                connection.sendall(whole[start : start + step])
            answer = answer_on(connection)
            assert answer.status == 400
            assert "grant" in answer.body.decode()
        connection.sendall(GET)
        assert answer_on(connection).status == 200


def test_endless_chunks_are_refused_like_any_body_that_is_too_large(connect):
    chunk = b"4000\r\n" + b"a" * 0x4000 + b"\r\n"
    with connect() as connection:
        connection.sendall(POST + FORM + b"transfer-encoding: chunked\r\n\r\n" + chunk * 17)
        assert answer_on(connection).status == 413


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET http://api.monzo.com/ping HTTP/1.1\r\nhost: other\r\n\r\n",
        b"GET http://api.monzo.com:80/ping?x=1 HTTP/1.1\r\nhost: api.monzo.com\r\n\r\n",
        b"\r\nGET /ping HTTP/1.1\r\nhost: bank\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nHOST: bank\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nhost: bank\r\nconnection: upgrade, x\r\nupgrade: h2c\r\n\r\n",
        b"GET /ping HTTP/1.0\r\n\r\n",
        b"GET /ping HTTP/1.0\r\nhost: bank\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nhost: bank\r\nexpect: the worst\r\n\r\n",
    ],
)
def test_unusual_requests_that_can_be_read_are_answered(connect, request_bytes: bytes):
    with connect() as connection:
        connection.sendall(request_bytes)
        answer = answer_on(connection)
        assert (answer.status, json.loads(answer.body)) == (200, {"ping": "pong"})


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /ping HTTP/1.0\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nhost: bank\r\nconnection: close\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nhost: bank\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
    ],
)
def test_a_connection_that_cannot_go_on_is_closed_after_its_answer(connect, request_bytes: bytes):
    with connect() as connection:
        connection.sendall(request_bytes)
        assert answer_on(connection).status == 200
        assert is_ended(connection)


def test_a_body_that_comes_with_an_upgrade_is_read(connect):
    body = b"grant_type=nonsense"
    head = POST + FORM + b"connection: upgrade\r\nupgrade: h2c\r\ncontent-length: 19\r\n\r\n"
    with connect() as connection:
        connection.sendall(head + body)
        assert "grant" in answer_on(connection).body.decode()


def memory_of(server: Server) -> int:
    """The server's resident memory, in KiB."""
    text = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", text)[0])


def test_clients_that_send_and_never_read_cost_little_and_are_ended(server: Server, connect):
    before = memory_of(server)
    for connection in [connect() for _ in range(20)]:
        connection.setblocking(False)
        try:
            for _ in range(200):
                connection.send(GET * 1000)
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            continue
    time.sleep(1)
    assert memory_of(server) - before < 64 * 1024
