"""Which web pages may call the API from a browser (the Fetch standard's CORS protocol)."""

from collections.abc import Sequence

from minibank.api.answers import Headers

MAX_AGE_SECONDS = 600

_EXPOSED = "ETag, Retry-After, X-Request-Id, Trace-ID, RateLimit, RateLimit-Policy"
_PREFLIGHT: Headers = [
    (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE, OPTIONS"),
    (
        b"access-control-allow-headers",
        b"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID",
    ),
    (b"access-control-max-age", str(MAX_AGE_SECONDS).encode()),
]


class Origins:
    """The origins that may read answers; `*` is all of them. Never with credentials."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self._any = "*" in allowed
        self._allowed = {origin.encode() for origin in allowed}

    def headers_for(self, origin: bytes | None, *, preflight: bool = False) -> Headers:
        """The headers of an answer, refusals included, to a request from `origin`."""
        headers: Headers = []
        if not self._any:
            # Caches must not hand one origin's answer to another.
            headers.append((b"vary", b"Origin"))
        if origin is None or not (self._any or origin in self._allowed):
            return headers
        headers.append((b"access-control-allow-origin", b"*" if self._any else origin))
        if preflight:
            return headers + _PREFLIGHT
        return [*headers, (b"access-control-expose-headers", _EXPOSED.encode())]
