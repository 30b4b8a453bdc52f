"""Holds answers against the reference, whatever else a test is about."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec
from jsonschema import Draft202012Validator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from minibank.api.documents import API, OPERATOR_API
from minibank.api.openapi import build_document, read_examples
from minibank.api.operator.routes import ROUTES as OPERATOR_ROUTES
from minibank.api.paths import method_of, segments_of
from minibank.api.routes import ROUTES
from minibank.api.routing import Table

_TABLE = Table((*ROUTES, *OPERATOR_ROUTES))
_REFUSED = {"$ref": "#/components/schemas/Refused"}


def document(path: str = "/") -> dict[str, Any]:
    """The OpenAPI document that tells of this path."""
    return _document(is_operators=path.startswith("/operator/"))


@cache
def _document(*, is_operators: bool) -> dict[str, Any]:
    examples = read_examples()
    if is_operators:
        found = build_document(OPERATOR_ROUTES, examples, OPERATOR_API)
    else:
        found = build_document(ROUTES, examples, API)
    decoded: dict[str, Any] = msgspec.json.decode(found)
    return decoded


def validator(schema: Mapping[str, Any], path: str = "/") -> Draft202012Validator:
    """For a schema that refers to the components of the document that tells of this path."""
    return Draft202012Validator({**schema, "components": document(path)["components"]})


@cache
def _validator(path: str, method: str, status: str, media: str) -> Draft202012Validator:
    responses = document(path)["paths"][path][method.lower()]["responses"]
    assert status in responses, f"{method} {path} is not documented to answer {status}"
    content = responses[status]["content"]
    known = {media, f"{media.partition('/')[0]}/*", "*/*"} & content.keys()
    assert known, f"{method} {path} {status} is not documented to be {media}"
    return validator(content.get(media, {}).get("schema", {}), path)


@cache
def _of_refusals() -> Draft202012Validator:
    return validator(_REFUSED)


def _is_of_no_place(start: Message, body: bytes) -> bool:
    """Whether there is no such path here: there may be one on another host."""
    return start["status"] == 404 and b'"code":"not_found",' in body


def require_documented(scope: Scope, start: Message, body: bytes) -> None:
    """Fail unless the reference tells of this answer to this request."""
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    method = method_of(scope)
    found = None if _is_of_no_place(start, body) else _TABLE.find(segments_of(scope))
    status, media = start["status"], headers["content-type"]
    if method == "HEAD":
        assert body == b""
        method = "GET"
    elif media == "application/json":
        answer = msgspec.json.decode(body)
        if found is None:
            _of_refusals().validate(answer)
        elif method in found[0].routes:
            _validator(found[0].path, method, str(status), media).validate(answer)
    assert {"x-request-id", "trace-id"} <= headers.keys()
    if found is None:
        assert status == 404
    elif method == "OPTIONS":
        assert status == 200
    elif method not in found[0].routes:
        assert status == 405
        assert headers["allow"].split(", ") == found[0].methods
    else:
        _require_headers(found[0].path, method, str(status), headers)
        _validator(found[0].path, method, str(status), media)


_WHILE_LIMITS_ARE_ON = {"ratelimit", "ratelimit-policy"}


def _require_headers(path: str, method: str, status: str, headers: Mapping[str, str]) -> None:
    responses = document(path)["paths"][path][method.lower()]["responses"]
    promised = {name.lower() for name in responses.get(status, {}).get("headers", ())}
    assert promised - _WHILE_LIMITS_ARE_ON <= headers.keys(), (
        f"{method} {path} {status} lacks a documented header"
    )


def require_unmodified(scope: Scope, start: Message, body: bytes) -> None:
    """Fail unless the reference tells that this may be answered without a body."""
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    found = _TABLE.find(segments_of(scope))
    assert found is not None
    assert "304" in document()["paths"][found[0].path]["get"]["responses"]
    assert body == b""
    assert "content-type" not in headers
    _require_headers(found[0].path, "GET", "304", headers)


class Documented:
    """The API, with every answer held against the reference."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        sent: list[Message] = []

        async def listen(message: Message) -> None:
            sent.append(message)
            await send(message)

        await self._app(scope, receive, listen)
        if sent:
            require = require_unmodified if sent[0]["status"] == 304 else require_documented
            require(scope, sent[0], b"".join(one["body"] for one in sent[1:]))
