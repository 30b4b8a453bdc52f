"""Processes that are stopped at work: what was sent is answered, what was answered is kept."""

import contextlib
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from minibank.db import open_database
from minibank.payments.commands import TopUp
from minibank.payments.engine import Engine
from tests.integration.test_serve_workers import Server, serving, wait_for
from tests.support.callers import add_account, add_client, add_token, add_user, http

WRITERS = 8
GET = b"GET /ping HTTP/1.1\r\nhost: bank\r\n\r\n"


@dataclass
class Writer:
    """A client that writes higher and higher numbers on one transaction, until it is refused."""

    address: tuple[str, int]
    token: str
    transaction_id: str
    answered: int = 0
    sent: int = 0
    faults: list[str] = field(default_factory=list)
    was_reset: bool = False

    def run(self) -> None:
        while (connection := self._connect()) is not None:
            if self.was_reset:
                self.faults.append("a new connection was reset, and somebody listens")
            with connection:
                is_first = True
                while self._write(connection, is_first=is_first):
                    # Again, until an answer says that it was the last.
                    is_first = False

    def _connect(self) -> socket.socket | None:
        """None when nobody listens any more; the kernel may notice that in the midst of it."""
        try:
            return socket.create_connection(self.address, timeout=20)
        except (ConnectionRefusedError, ConnectionResetError):
            return None

    def _write(self, connection: socket.socket, *, is_first: bool) -> bool:
        self.sent += 1
        body = f"metadata[mark]={self.sent}"
        head = f"PATCH /transactions/{self.transaction_id} HTTP/1.1\r\nhost: bank\r\n"
        head += f"authorization: Bearer {self.token}\r\ncontent-length: {len(body)}\r\n"
        head += "content-type: application/x-www-form-urlencoded\r\n\r\n"
        try:
            connection.sendall((head + body).encode())
            answer = whole_answer(connection)
        except OSError as error:
            if is_first and isinstance(error, ConnectionResetError):
                # The kernel completed it between the last look into the queue and the end of the
                # listening socket: nothing of it was read, and from now on nobody listens.
                self.was_reset = True
                return False
            answer = f"{error!r}".encode()
        if not answer.startswith(b"HTTP/1.1 200 "):
            self.faults.append(f"{self.sent}: {answer[:200]!r}")
            return False
        self.answered = self.sent
        return b"\r\nconnection: close\r\n" not in answer


def whole_answer(connection: socket.socket) -> bytes:
    """One answer; what there is of it when the connection ends before."""
    found = b""
    while True:
        head, _, body = found.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        if length and len(body) >= int(length[1]):
            return found
        piece = connection.recv(65536)
        if not piece:
            return b"cut off after: " + found
        found += piece


async def open_writers(url: str) -> tuple[str, list[str]]:
    """A token, and one transaction for each writer."""
    db = await open_database(url)
    user = await add_user(db, "ada@example.com", "Ada")
    account, app = await add_account(db, user), await add_client(db)
    token = await add_token(db, app.client, user)
    commands = [
        TopUp(issuer="t", account_id=account.id, id=str(number), amount=1)
        for number in range(WRITERS)
    ]
    outcomes = await Engine(db).execute_many(commands)
    await db.close()
    return token, [str(getattr(one, "transaction_id", "")) for one in outcomes]


async def marks(url: str, token: str, transactions: list[str]) -> list[int]:
    """What the books say of each transaction."""
    db = await open_database(url)
    async with http(db, token=token) as client:
        answers = [await client.get(f"/transactions/{one}") for one in transactions]
    await db.close()
    return [int(answer.json()["transaction"]["metadata"]["mark"]) for answer in answers]


def address_of(server: Server) -> tuple[str, int]:
    host, _, port = server.url.removeprefix("http://").partition(":")
    return host, int(port)


async def write_until_stopped(url: str, directory: Path, *flags: str) -> None:
    token, transactions = await open_writers(url)
    with serving(directory, url, *flags) as server:
        address = address_of(server)
        writers = [Writer(address, token, one) for one in transactions]
        threads = [threading.Thread(target=writer.run) for writer in writers]
        for thread in threads:
            thread.start()
        wait_for(lambda: all(writer.answered > 5 for writer in writers), server.said)
        server.process.terminate()
        for thread in threads:
            thread.join(30)
        assert server.process.wait(30) == 0, server.said()
    assert [writer.faults for writer in writers] == [[] for _ in writers]
    assert await marks(url, token, transactions) == [writer.answered for writer in writers]
    assert "Traceback" not in server.said()


async def test_a_stop_under_load_answers_everybody_and_keeps_what_it_answered(
    database_url: str, tmp_path: Path
):
    await write_until_stopped(database_url, tmp_path)


async def test_so_does_a_stop_of_several_processes(postgres_url: str, tmp_path: Path):
    await write_until_stopped(postgres_url, tmp_path, "--workers", "2")


@contextlib.contextmanager
def frozen(server: Server) -> Iterator[None]:
    """While all its processes stand still, whoever connects waits to be accepted."""
    processes = [*server.children(), server.process.pid]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        time.sleep(0.2)
        yield
    finally:
        for process in reversed(processes):
            os.kill(process, signal.SIGCONT)


def require_backlog_answered(url: str, directory: Path, *flags: str) -> None:
    with serving(directory, url, *flags) as server:
        address = address_of(server)
        assert server.is_answering()
        with contextlib.ExitStack() as stack:
            with frozen(server):
                connections = [
                    stack.enter_context(socket.create_connection(address, timeout=20))
                    for _ in range(40)
                ]
                for connection in connections[::2]:
                    connection.sendall(GET)
                server.process.terminate()
            for connection in connections[1::2]:
                connection.sendall(GET)
            answers = [whole_answer(connection) for connection in connections]
            assert [answer for answer in answers if b"pong" not in answer] == []
        assert server.process.wait(30) == 0, server.said()


def test_who_waits_to_be_accepted_when_the_server_stops_is_answered(
    database_url: str, tmp_path: Path
):
    require_backlog_answered(database_url, tmp_path)


def test_who_waits_for_several_processes_is_answered_too(postgres_url: str, tmp_path: Path):
    require_backlog_answered(postgres_url, tmp_path, "--workers", "2")


def test_a_process_that_stops_says_that_it_is_not_ready_where_it_still_answers(
    database_url: str, tmp_path: Path
):
    asks = b"GET /readyz HTTP/1.1\r\nhost: bank\r\n\r\n"
    with serving(tmp_path, database_url) as server:
        with socket.create_connection(address_of(server), timeout=20) as connection:
            connection.sendall(asks)
            assert whole_answer(connection).startswith(b"HTTP/1.1 200 ")
            connection.sendall(asks[:9])
            time.sleep(0.2)
            server.process.terminate()
            time.sleep(0.5)
            connection.sendall(asks[9:])
            answer = whole_answer(connection)
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b"unavailable.shutting_down" in answer
            assert connection.recv(1) == b""
        assert server.process.wait(30) == 0
