"""A wiretap: forwards bytes between a client and the bank unchanged, and keeps them.

What a client really sent and was really answered is read off the wire instead of trusted to the
client: several of them swallow the status or the body of an error.
"""

import contextlib
import json
import socket
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import h11


@dataclass(frozen=True)
class Exchange:
    """One request and its answer."""

    method: str
    target: str
    request_headers: dict[str, str]
    request_body: bytes
    status: int
    answer_headers: dict[str, str]
    answer_body: bytes

    @property
    def path(self) -> str:
        """The path as it was sent, without the query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> list[tuple[str, str]]:
        """The parameters in the address, in order."""
        return parse_qsl(self.target.partition("?")[2], keep_blank_values=True)

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form in the body."""
        return dict(parse_qsl(self.request_body.decode(), keep_blank_values=True))

    @property
    def json(self) -> Any:
        """The answer's body as JSON."""
        return json.loads(self.answer_body)

    @property
    def line(self) -> str:
        """The exchange in one line, for messages."""
        sent = self.request_body.decode(errors="replace")
        answered = self.answer_body.decode(errors="replace")
        return f"{self.method} {self.target} {sent[:200]!r} -> {self.status} {answered[:300]}"


@dataclass
class _Connection:
    sent: bytearray
    answered: bytearray


class Wiretap:
    """Listens on a port of its own while the context lasts; `exchanges` is complete afterwards."""

    def __init__(self, base_url: str) -> None:
        address = urlsplit(base_url)
        self._bank = (address.hostname or "127.0.0.1", address.port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[_Connection] = []
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []

    @property
    def base_url(self) -> str:
        """Where clients find the bank while it is tapped."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(
                socket.SHUT_RDWR
            )  # wakes accept() on Linux; macOS is woken by close()
        self._listener.close()
        self._threads[0].join()  # nothing accepts from here on, so the lists below are complete
        for end in self._sockets:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()
        for end in self._sockets:
            end.close()

    def exchanges(self) -> list[Exchange]:
        """Everything said, connection by connection; a request that got no answer is not in it."""
        return [exchange for connection in self._connections for exchange in _read(connection)]

    def _start(self, target: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            bank = socket.create_connection(self._bank)
            connection = _Connection(bytearray(), bytearray())
            self._connections.append(connection)
            self._sockets += [client, bank]
            self._start(_pump, client, bank, connection.sent)
            self._start(_pump, bank, client, connection.answered)


def _pump(source: socket.socket, target: socket.socket, record: bytearray) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(65536):
            record += chunk
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)


def _read(connection: _Connection) -> list[Exchange]:
    """Takes both directions of one connection apart, each request with its answer."""
    requests, answers = h11.Connection(h11.SERVER), h11.Connection(h11.CLIENT)
    requests.receive_data(bytes(connection.sent))
    answers.receive_data(bytes(connection.answered))
    answers.receive_data(b"")
    found: list[Exchange] = []
    while isinstance(request := requests.next_event(), h11.Request):
        request_body = _body(requests)
        answers.send(request)
        if request_body:
            answers.send(h11.Data(data=request_body))
        answers.send(h11.EndOfMessage())
        answer = answers.next_event()
        if not isinstance(answer, h11.Response):
            break
        answer_body = _body(answers)
        found.append(
            Exchange(
                method=request.method.decode(),
                target=request.target.decode(),
                request_headers=_headers(request),
                request_body=request_body,
                status=answer.status_code,
                answer_headers=_headers(answer),
                answer_body=answer_body,
            )
        )
        requests.send(answer)
        if request.method != b"HEAD" and answer_body:
            requests.send(h11.Data(data=answer_body))
        requests.send(h11.EndOfMessage())
        if requests.our_state is not h11.DONE or answers.our_state is not h11.DONE:
            break
        requests.start_next_cycle()
        answers.start_next_cycle()
    return found


def _body(connection: h11.Connection) -> bytes:
    body = bytearray()
    while isinstance(event := connection.next_event(), h11.Data):
        body += event.data
    return bytes(body)


def _headers(message: h11.Request | h11.Response) -> dict[str, str]:
    return {name.decode().lower(): value.decode() for name, value in message.headers}
