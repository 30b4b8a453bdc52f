"""Files on a socket, to a server as people start it: slow, cut short, too large, too many."""

import asyncio
import gzip
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from minibank.api.uploads import AT_ONCE_OF_ONE
from minibank.attachments.names import FilePath
from minibank.attachments.signatures import UploadKeys
from minibank.db import open_database
from tests.integration.test_http_edge import (
    BYTES_PER_SECOND,
    PATIENCE,
    SECONDS,
    Answer,
    answer_on,
    connect,  # noqa: F401 - a fixture
    is_ended,
)
from tests.integration.test_serve_workers import Server, serving
from tests.support.banking import open_holder
from tests.support.files import PNG, expect

KIB = 1024
LIMIT = 512 * KIB
Connect = Callable[[], socket.socket]
Place = tuple[bytes, FilePath]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A bank whose patience is short, and that takes small files."""
    directory = tmp_path_factory.mktemp("uploads")
    short = {
        "header_seconds": SECONDS,
        "body_grace_seconds": SECONDS,
        "body_bytes_per_second_min": BYTES_PER_SECOND,
        "keep_alive_seconds": 2,
        "upload_bytes_max": LIMIT,
    }
    flags = [text for name, value in short.items() for text in ("--set", f"{name}={value}")]
    with serving(directory, f"sqlite:///{directory}/bank.db", *flags) as running:
        assert running.is_answering()
        yield running


def kept(server: Server) -> list[Path]:
    """Every file that the bank keeps, or that is arriving."""
    place = server.log.with_name("bank.db-files")
    return [path for path in place.rglob("*") if path.is_file()]


def places(server: Server, count: int) -> list[Place]:
    """Addresses for files of somebody new: the target of a request, and where the file is then."""
    url = f"sqlite:///{server.log.with_name('bank.db')}"

    async def work() -> list[Place]:
        db = await open_database(url)
        user_id = (await open_holder(db)).user_ids[0]
        found = []
        for _ in range(count):
            upload_id, path = await expect(db, user_id, "oauth2client_1")
            expires = db.clock.now() // 10**6 + 600
            signature = UploadKeys().sign(upload_id, expires)
            target = f"/attachment/upload/{upload_id}?expires={expires}&signature={signature}"
            found.append((target.encode(), path))
        await db.close()
        return found

    return asyncio.run(work())


@pytest.fixture
def place(server: Server) -> bytes:
    return places(server, 1)[0][0]


@pytest.fixture(autouse=True)
def nothing_is_left(server: Server) -> Iterator[None]:
    """Whatever a test sent, no half of it stays."""
    yield
    until = time.monotonic() + PATIENCE
    while any(path.parent.name == "arriving" for path in kept(server)):
        assert time.monotonic() < until, kept(server)
        time.sleep(0.05)


def head(target: bytes, *headers: bytes) -> bytes:
    lines = [b"PUT %b HTTP/1.1" % target, b"host: bank", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def length(size: int) -> bytes:
    return b"content-length: %d" % size


def sent(connection: socket.socket, request: bytes) -> Answer:
    connection.sendall(request)
    return answer_on(connection)


CHUNKED = b"transfer-encoding: chunked"


def chunks(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, b""))


def test_a_file_is_taken_with_its_length_and_without(server, connect, place):  # noqa: F811
    first, second = (target for target, _ in places(server, 2))
    assert sent(connect(), head(first, length(len(PNG))) + PNG).status == 200
    assert sent(connect(), head(second, CHUNKED) + chunks(PNG[:5], PNG[5:])).status == 200


def test_a_body_that_stops_coming_is_given_up(server, connect, place):  # noqa: F811
    connection = connect()
    started = time.monotonic()
    answer = sent(connection, head(place, length(LIMIT)) + PNG)
    assert (answer.status, answer.code) == (408, "timeout.body")
    assert SECONDS - 0.1 <= time.monotonic() - started < PATIENCE
    assert is_ended(connection)


def test_a_body_that_trickles_is_given_up_however_much_of_it_came(server, connect, place):  # noqa: F811
    connection = connect()
    connection.sendall(head(place, CHUNKED))
    connection.settimeout(0.05)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            connection.sendall(b"1\r\nx\r\n")
            if connection.recv(1):
                break
        except TimeoutError:
            continue
        except OSError:
            break
    else:
        pytest.fail("a byte every twentieth of a second was enough")


def test_a_body_that_is_cut_short_is_no_file(server, connect, place):  # noqa: F811
    connection = connect()
    connection.sendall(head(place, length(100)) + PNG)
    connection.shutdown(socket.SHUT_WR)
    assert answer_on(connection).status == 400
    assert sent(connect(), head(place, length(len(PNG))) + PNG).status == 200


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        (b"", 413, "bad_request.too_large"),
        (b"x", 403, "forbidden.bad_signature"),
    ],
)
def test_what_will_not_be_taken_is_not_asked_for(server, connect, place, changes, status, code):  # noqa: F811
    asking = head(place + changes, length(10 * LIMIT), b"expect: 100-continue")
    answer = sent(connect(), asking)
    assert (answer.status, answer.code, answer.interim) == (status, code, [])


def test_a_body_larger_than_it_says_nothing_of_is_refused_on_its_way(server, connect, place):  # noqa: F811
    connection = connect()
    connection.sendall(head(place, CHUNKED))
    part = chunks(bytes(64 * KIB))[:-5]
    try:
        for _ in range(40):
            connection.sendall(part)
    except OSError:
        pass
    assert answer_on(connection).code == "bad_request.too_large"


def test_a_bomb_takes_no_more_than_a_file_may(server, connect, place):  # noqa: F811
    bomb = gzip.compress(bytes(300 * KIB * KIB))[:LIMIT]
    request = head(place, length(len(bomb)), b"content-encoding: gzip") + bomb
    assert sent(connect(), request).code == "bad_request.too_large"
    assert server.process.poll() is None


def test_one_user_leaves_room_for_others(server, connect):  # noqa: F811
    mine = [target for target, _ in places(server, AT_ONCE_OF_ONE + 1)]
    [(others, _)] = places(server, 1)
    open_ones = [connect() for _ in mine[:-1]]
    for connection, target in zip(open_ones, mine[:-1], strict=True):
        connection.sendall(head(target, length(len(PNG))) + PNG[:-1])
    time.sleep(0.3)
    answer = sent(connect(), head(mine[-1], length(len(PNG))) + PNG)
    assert (answer.status, answer.code) == (429, "rate_limited.uploads_at_once")
    assert answer.headers["retry-after"] == "1"
    assert sent(connect(), head(others, length(len(PNG))) + PNG).status == 200
    for connection in open_ones:
        connection.sendall(PNG[-1:])
        assert answer_on(connection).status == 200
    assert sent(connect(), head(mine[-1], length(len(PNG))) + PNG).status == 200


def test_a_large_file_comes_back_whole_and_in_part(server, connect):  # noqa: F811
    [(target, path)] = places(server, 1)
    content = bytes(range(256)) * (LIMIT // 256)
    assert sent(connect(), head(target, length(LIMIT)) + content).status == 200
    get = f"GET {path} HTTP/1.1\r\nhost: bank\r\n".encode()
    answer = sent(connect(), get + b"\r\n")
    assert (answer.status, answer.body) == (200, content)
    answer = sent(connect(), get + b"range: bytes=-3\r\n\r\n")
    assert (answer.status, answer.body) == (206, content[-3:])
