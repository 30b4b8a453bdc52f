"""HTTP/1.1 as uvicorn speaks it, with what it lacks: JSON for what cannot be parsed, and limits.

What cannot be parsed never reaches the API, so its answer is written here, in the API's form. And
nothing that a client does or leaves undone keeps a connection open for ever: each part of a request
has its time, the rest of a body that was answered early has its time, and so has an answer that
nobody takes.
"""

import asyncio
from dataclasses import dataclass
from enum import Enum, auto
from typing import ClassVar

import httptools
import uvicorn
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from minibank.api import Watch
from minibank.app import refusals
from minibank.app.refusals import Refusal
from minibank.core.ids import RandomIds

HEAD_BYTES_MAX = 32 * 1024
"""The most that the head of a request (its line and headers) may take."""
PIPELINED_MAX = 100
"""How many requests may wait on one connection for the answer to an earlier one."""
UNTAKEN_SECONDS = 30
"""How long an answer may wait for a client that takes nothing of it."""
CLOSING_SECONDS = 10
"""How long a connection that is to be closed may take to deliver what was written."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a connection may take; see the settings of these names."""

    header_seconds: float = 10
    body_grace_seconds: float = 10
    body_bytes_per_second_min: int = 1024


class Stage(Enum):
    """Which part of a request comes next."""

    HEAD = auto()
    BODY = auto()


class BankProtocol(HttpToolsProtocol):
    """One connection."""

    ids: ClassVar[RandomIds] = RandomIds()

    @override
    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        limits: Limits,
        watch: Watch,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(config, server_state, {}, loop)
        self._limits = limits
        self._watch = watch
        self._stage = Stage.HEAD
        self._is_within_head = False
        self._requests = 0
        self._head_bytes = 0
        self._body_bytes = 0
        self._body_started = 0.0
        self._refusal: Refusal | None = None
        # What the client has to do next, and what it has to take.
        self._deadline: asyncio.TimerHandle | None = None
        self._taking: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_deadline()
        self._stop_taking()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if self._refusal is not None or self.transport.is_closing():
            return
        requests, stage = self._requests, self._stage
        super().data_received(data)
        if self.transport.is_closing() or self._refusal is not None:
            return
        if self._stage is Stage.HEAD:
            # The parser keeps an unfinished header to itself, so what arrives is what is counted.
            is_same = requests == self._requests and stage is Stage.HEAD
            self._head_bytes = self._head_bytes + len(data) if is_same else self._head_bytes
            if self._head_bytes > HEAD_BYTES_MAX:
                self._refuse(refusals.HEAD_TOO_LARGE)
            elif self._is_within_head or not self._is_answering:
                self._wait_for_head()
        else:
            self._body_bytes += len(data)
            self._wait_for_body()

    @override
    def eof_received(self) -> bool:  # type: ignore[override]
        """The client sends no more; it may still wait for its answers. True keeps it open."""
        if self._is_within_head or self._stage is Stage.BODY:
            self._refuse(refusals.CUT_SHORT)
        elif self._is_answering:
            self.cycle.keep_alive = False
        # TLS cannot be closed in one direction only.
        return self._is_answering and self.scheme == "http"

    @property
    def _is_answering(self) -> bool:
        """Whether the newest request has no whole answer yet."""
        return self.cycle is not None and not self.cycle.response_complete

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_within_head = True
        if len(self.pipeline) >= PIPELINED_MAX:
            self._give_up(refusals.TOO_MANY)

    @override
    def on_headers_complete(self) -> None:
        self._stop_deadline()
        self._is_within_head = False
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > HEAD_BYTES_MAX:
            self._give_up(refusals.HEAD_TOO_LARGE)
        self._resolve_target()
        if not self._has_one_host():
            self._give_up(refusals.MALFORMED)
        super().on_headers_complete()
        if self.parser.should_upgrade():
            # The parser reads no further, because another protocol might follow.
            self.cycle.keep_alive = False
        self._stage = Stage.BODY
        self._body_bytes = 0
        self._body_started = self.loop.time()

    @override
    def on_message_complete(self) -> None:
        self._stop_deadline()
        self._stage = Stage.HEAD
        self._head_bytes = 0
        self._requests += 1
        super().on_message_complete()

    @override
    def on_response_complete(self) -> None:
        is_last = not self.pipeline
        super().on_response_complete()
        if self.transport.is_closing():
            self._close()
        elif is_last and self._refusal is not None:
            self._end(self._refusal)
        elif self._refusal is not None or self.pipeline:
            # Nothing more is read until what was read is answered.
            self.flow.pause_reading()
        elif self._stage is Stage.BODY and not self._is_answering:
            self._let_body_end()

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self._stop_taking()
        self._taking = self.loop.call_later(UNTAKEN_SECONDS, self.transport.abort)

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_taking()

    @override
    def timeout_keep_alive_handler(self) -> None:
        if not self.transport.is_closing():
            self._close()

    @override
    def send_400_response(self, msg: str) -> None:
        """Answer what the parser could not read, unless that was already done."""
        if not self.transport.is_closing() and self._refusal is None:
            self._refuse(refusals.MALFORMED)

    @override
    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: a client that offers another protocol is answered in this one."""

    def _resolve_target(self) -> None:
        """A target in absolute form names the host, whatever `Host` says (RFC 9112, 3.2.2)."""
        if self.url.startswith(b"/"):
            return
        target = httptools.parse_url(self.url)
        if not target.schema or not target.host:
            self._give_up(refusals.MALFORMED)
        host = target.host + (b":%d" % target.port if target.port else b"")
        self.url = (target.path or b"/") + (b"?" + target.query if target.query else b"")
        if any(name == b"host" for name, _ in self.headers):
            self.headers[:] = [pair for pair in self.headers if pair[0] != b"host"]
            self.headers.append((b"host", host))

    def _has_one_host(self) -> bool:
        """RFC 9112, section 3.2; HTTP/1.0 knows no `Host`."""
        hosts = sum(name == b"host" for name, _ in self.headers)
        return hosts == 1 or (hosts == 0 and self.parser.get_http_version() == "1.0")

    def _give_up(self, refusal: Refusal) -> None:
        """Refuse from within the parser, which stops there."""
        self._refuse(refusal)
        raise httptools.HttpParserError(refusal.code)

    def _refuse(self, refusal: Refusal) -> None:
        """Answer once everything before it is answered, and end the connection."""
        self._stop_deadline()
        self._is_within_head = False
        if self._stage is Stage.BODY:
            self._refuse_body(refusal)
        elif self._is_answering:
            self._refuse_later(refusal)
        else:
            self._end(refusal)

    def _refuse_body(self, refusal: Refusal) -> None:
        """The request whose body does not come is the newest one, and may have to wait itself."""
        if self.pipeline:
            self.pipeline.popleft()
            self._refuse_later(refusal)
        elif self.cycle.response_started:
            self._close()
        else:
            self._end(refusal)

    def _refuse_later(self, refusal: Refusal) -> None:
        self._refusal = refusal
        self.flow.pause_reading()

    def _end(self, refusal: Refusal) -> None:
        self._watch.metrics.refused.add(refusal.code)
        self.transport.write(refusal.written(self.ids))
        self._close()

    def _close(self) -> None:
        """Close, and do not wait for ever until the client has taken what was written."""
        self._stop_deadline()
        self._stop_taking()
        self.transport.close()
        self._taking = self.loop.call_later(CLOSING_SECONDS, self.transport.abort)

    def _wait_for_head(self) -> None:
        if self._deadline is None:
            seconds = self._limits.header_seconds
            self._deadline = self.loop.call_later(seconds, self._head_too_slow)

    def _wait_for_body(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_at(self._body_end(), self._body_too_slow)

    def _body_end(self) -> float:
        """When the body that has come so far is too little."""
        paid_for = self._body_bytes / self._limits.body_bytes_per_second_min
        return self._body_started + self._limits.body_grace_seconds + paid_for

    def _let_body_end(self) -> None:
        """The answer came before the body; a client that reads only then sends it still."""
        if self.cycle.waiting_for_100_continue:
            # It was not asked to go on, and may take the next request for what follows.
            self._close()
            return
        self._stop_deadline()
        self._deadline = self.loop.call_later(self._limits.body_grace_seconds, self._close)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _stop_taking(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _head_too_slow(self) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        if self._head_bytes or self._is_within_head:
            self._refuse(refusals.HEAD_TOO_SLOW)
        else:
            self._close()

    def _body_too_slow(self) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        if self.flow.read_paused:
            # It is we who do not read: an earlier request is still being answered.
            self._body_started = self.loop.time()
            self._body_bytes = 0
        if self.loop.time() < self._body_end():
            self._wait_for_body()
        else:
            self._refuse(refusals.BODY_TOO_SLOW)
