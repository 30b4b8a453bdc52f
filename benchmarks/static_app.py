"""The least that a server can do: answers that were made beforehand."""

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send


class Canned(msgspec.Struct, frozen=True):
    """The answer to one target (path and query), as the bank gave it."""

    target: str
    headers: list[tuple[str, str]]
    body: bytes


def build_static_app(answers: list[Canned]) -> ASGIApp:
    """An ASGI application that gives these answers and knows no others."""
    known = {
        answer.target.encode(): (
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(name.encode(), value.encode()) for name, value in answer.headers],
            },
            {"type": "http.response.body", "body": answer.body},
        )
        for answer in answers
    }

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        query = scope["query_string"]
        start, body = known[scope["raw_path"] + b"?" + query if query else scope["raw_path"]]
        await send(start)
        await send(body)

    return app
