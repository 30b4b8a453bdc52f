"""A bound on the requests that one process works on at a time."""

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

RETRY_SECONDS = 1

_BODY = msgspec.json.encode(
    {"code": "rate_limited.overloaded", "message": "Too many requests at once", "params": {}}
)
_START = {
    "type": "http.response.start",
    "status": 429,
    "headers": [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(_BODY)).encode()),
        (b"cache-control", b"no-store"),
        (b"retry-after", str(RETRY_SECONDS).encode()),
    ],
}
_END = {"type": "http.response.body", "body": _BODY}


class RequestsLimit:
    """Answers 429 when `requests_max` requests are being worked on, instead of piling up more."""

    def __init__(self, app: ASGIApp, requests_max: int) -> None:
        self._app = app
        self._free = requests_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if self._free <= 0:
            await send(_START)
            await send(_END)
            return
        self._free -= 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._free += 1
