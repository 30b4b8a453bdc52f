"""Answers that the API never gets to give, because there is no request that could be read."""

from http import HTTPStatus
from typing import NamedTuple

import msgspec

from minibank.app.limits import request_id_headers
from minibank.core.ids import RandomIds


class Refusal(NamedTuple):
    """One such answer."""

    status: int
    code: str
    message: str

    def written(self, ids: RandomIds) -> bytes:
        """The whole HTTP answer, which ends the connection."""
        body = msgspec.json.encode({"code": self.code, "message": self.message, "params": {}})
        lines = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            "content-type: application/json",
            f"content-length: {len(body)}",
            "cache-control: no-store",
            "connection: close",
            *(f"{name.decode()}: {value.decode()}" for name, value in request_id_headers(ids)),
            "\r\n",
        ]
        return "\r\n".join(lines).encode() + body


MALFORMED = Refusal(400, "bad_request", "This is not an HTTP request that can be read")
CUT_SHORT = Refusal(400, "bad_request", "The request ended before it was whole")
HEAD_TOO_LARGE = Refusal(431, "bad_request.headers_too_large", "The headers are too large")
HEAD_TOO_SLOW = Refusal(408, "timeout.headers", "The headers took too long to arrive")
BODY_TOO_SLOW = Refusal(408, "timeout.body", "The body took too long to arrive")
SHUTTING_DOWN = Refusal(503, "unavailable.shutting_down", "The bank is shutting down")
TOO_MANY = Refusal(
    429, "rate_limited.pipelined", "Too many requests wait on this connection to be answered"
)
