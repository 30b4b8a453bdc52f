"""A bound on the requests that one process works on at a time."""

import asyncio
from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from minibank.api.answers import answer_error
from minibank.api.cors import Origins
from minibank.api.metrics import OVERLOADED, HttpMetrics
from minibank.core.errors import RateLimited
from minibank.core.ids import RandomIds

RETRY_SECONDS = 1
REQUEST_ID_BYTES = 16

_BUSY = answer_error(
    RateLimited("rate_limited.overloaded", "Too many requests at once", retry_after=RETRY_SECONDS)
)


def request_id_headers(ids: RandomIds) -> list[tuple[bytes, bytes]]:
    """The two headers by which an answer can be found again, for what the API never saw."""
    request_id = ids.secret(REQUEST_ID_BYTES).hex().encode()
    return [(b"x-request-id", request_id), (b"trace-id", request_id)]


class RequestsLimit:
    """Answers 429 when `requests_max` requests are being worked on, instead of piling up more."""

    def __init__(
        self, app: ASGIApp, requests_max: int, origins: Sequence[str], metrics: HttpMetrics
    ) -> None:
        self._app = app
        self._free = requests_max
        self._metrics = metrics
        metrics.in_flight_max.set(requests_max)
        metrics.in_flight.follow(lambda: requests_max - self._free)
        self._origins = Origins(origins)
        self._ids = RandomIds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if self._free <= 0:
            await self._refuse(scope, send)
            return
        self._free -= 1
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            """The server stops, and has answered it: see `DrainingProtocol.give_up`."""
        finally:
            self._free += 1

    async def _refuse(self, scope: Scope, send: Send) -> None:
        self._metrics.refused.add(OVERLOADED)
        origin = next((value for name, value in scope["headers"] if name == b"origin"), None)
        headers = [
            *_BUSY.headers,
            (b"content-length", str(len(_BUSY.body)).encode()),
            *request_id_headers(self._ids),
            *self._origins.headers_for(origin, preflight=scope["method"] == "OPTIONS"),
        ]
        await send({"type": "http.response.start", "status": _BUSY.status, "headers": headers})
        await send({"type": "http.response.body", "body": _BUSY.body})
