"""The OpenAPI 3.1 document: the table of routes, what each endpoint says of itself, and the types.

Nothing is described here that is described elsewhere; this is only the way from one form to
the other.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Struct

from minibank import __version__
from minibank.api.answers import Refused
from minibank.api.bodies import FORM, JSON, MULTIPART
from minibank.api.catalogue import (
    ACCESS_TOKEN,
    BAD_BODY,
    BAD_KEY,
    BAD_OPERATOR_KEY,
    BAD_PARAM,
    CONCURRENCY,
    FAULT,
    INSUFFICIENT_SCOPE,
    MISSING_PARAM,
    NO_DATABASE,
    NO_KEY,
    NO_WRITES,
    NOT_FOUND,
    OVERLOADED,
    RATE_LIMITED,
    TOO_LARGE,
    meaning_of,
    status_of,
)
from minibank.api.limiting import EXEMPT
from minibank.api.operation import Operation
from minibank.api.repeats import IDEMPOTENCY_KEY
from minibank.api.routing import Route
from minibank.api.schemas import (
    Schema,
    answer_schemas,
    schema_of_answer,
    schema_of_body,
    schema_of_parameters,
)
from minibank.core.wire import REF

Examples = Mapping[str, Mapping[str, Any]]

_REFERENCE = files("minibank.api").joinpath("reference")
_ANY_NAME = "[A-Za-z][A-Za-z0-9_]*"
_WIRE = re.compile(rb'"(#/components/schemas/)?Wire([A-Z])')
_PHRASES = {
    200: "Done",
    206: "A part",
    400: "The request cannot be understood or breaks a rule",
    401: "Nobody is authenticated",
    403: "The caller may not do this",
    404: "There is no such thing",
    409: "It collides with what is there",
    412: "It has changed",
    413: "The body is too large",
    416: "There is no such part",
    429: "Too much at once",
    500: "A fault of the bank",
    503: "The bank cannot work just now",
    504: "It waited too long",
}
_HEADERS: Schema = {
    "X-Request-Id": {
        "description": "By which this answer can be found in the bank's log.",
        "schema": {"type": "string"},
    },
    "Trace-ID": {"description": "The same.", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "RFC 6750.", "schema": {"const": "Bearer"}},
    "Retry-After": {
        "description": "Seconds after which to try again.",
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    },
    "ETag": {
        "description": "The version of what this shows, as this client sees it (RFC 9110).",
        "schema": {"type": "string"},
    },
    "Content-Range": {
        "description": "Which bytes these are, and of how many (RFC 9110).",
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": "While limits are on: `q` requests are allowed in `w` seconds.",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "While limits are on: `r` requests may come at once, in `t` seconds all.",
        "schema": {"type": "string"},
    },
}
_ALWAYS = ("X-Request-Id", "Trace-ID", "RateLimit-Policy", "RateLimit")
_CONDITIONS: dict[str, str] = {
    "If-Match": "Entity tags; only one of these versions is changed, and `*` is any.",
    "If-None-Match": "Entity tags; who has one of these already is answered 304 without a body.",
    IDEMPOTENCY_KEY: "A text of your own that names this request: sent again, it is done once.",
}
_TOLD_HEADERS = {
    "webhook-id": "The delivery, the same in every attempt.",
    "webhook-timestamp": "Seconds since 1970 when this attempt was made.",
    "webhook-signature": "Signatures by the Standard Webhooks specification, separated by spaces.",
    "Minibank-Sequence": "1, 2, 3 ... for this webhook, without gaps.",
}


@dataclass(frozen=True, slots=True)
class About:
    """What a document says besides its endpoints; `told` is what webhooks are sent, by event."""

    title: str
    summary: str
    introduction: str
    tags: tuple[str, ...]
    security: Schema
    told: Mapping[str, tuple[str, type[msgspec.Struct]]]


@cache
def read_examples() -> Examples:
    """Real requests and answers by operation, as `tests/support/examples.py` recorded them."""
    found: Examples = msgspec.json.decode(_REFERENCE.joinpath("examples.json").read_bytes())
    return found


def build_document(routes: Iterable[Route], examples: Examples, about: About) -> bytes:
    """The document as JSON."""
    documented = [(route, route.operation) for route in routes if route.operation]
    paths: dict[str, Schema] = defaultdict(dict)
    for route, operation in documented:
        mine = examples.get(f"{route.method} {route.path}", {})
        paths[route.path][route.method.lower()] = _operation(route, operation, mine)
    answers = [operation.answers for _, operation in documented if operation.answers]
    answers += [body for _, body in about.told.values()]
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": about.title,
            "version": __version__,
            "summary": about.summary,
            "description": _REFERENCE.joinpath(about.introduction).read_text(),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "This bank."}],
        "tags": [{"name": tag} for tag in about.tags],
        "paths": paths,
        "webhooks": {
            event: {"post": _told(event, *told, examples)} for event, told in about.told.items()
        },
        "components": {
            "schemas": answer_schemas([*answers, Refused]),
            "headers": _HEADERS,
            "securitySchemes": about.security,
        },
    }
    # `WireAccount` is an account as clients read it: to them it is an account.
    return _WIRE.sub(rb'"\1\2', msgspec.json.encode(document)) + b"\n"


def _told(event: str, summary: str, body: type[msgspec.Struct], examples: Examples) -> Schema:
    """What a webhook is sent when something happens."""
    schema = {
        "allOf": [schema_of_answer(body), {"properties": {"type": {"const": event}}}],
    }
    shown = {name: {"value": value} for name, value in examples.get(event, {}).items()}
    media = {"schema": schema, "examples": shown} if shown else {"schema": schema}
    return {
        "operationId": event.replace(".", "_"),
        "tags": ["Webhooks"],
        "summary": summary,
        "parameters": [
            {"name": name, "in": "header", "description": words, "schema": {"type": "string"}}
            for name, words in _TOLD_HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {JSON: media}},
        "responses": {"2XX": {"description": "It was taken; the body is not looked at."}},
        "security": [],
    }


def _operation(route: Route, operation: Operation, examples: Mapping[str, Any]) -> Schema:
    requests = examples.get("requests", {})
    described: Schema = {
        "operationId": operation_id(route),
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": [
            *_path_parameters(route, operation),
            *_query(operation),
            *_conditions(operation),
        ],
        "responses": dict(_responses(route, operation, examples.get("answers", {}))),
        "security": [{"bearer": []}],
    }
    if operation.description:
        described["description"] = operation.description
    if operation.public:
        described["security"] = [{}, {"client": []}] if operation.body_only else []
    if operation.scopes:
        described["security"] = [{"operator": list(operation.scopes)}]
        described["description"] = _scoped(operation)
    if operation.sends:
        described["requestBody"] = _file(operation.sends, requests)
    elif operation.body:
        described["requestBody"] = _json_body(operation.body, requests)
    elif operation.takes and route.method != "GET" and not operation.scopes:
        described["requestBody"] = _body(operation, requests)
    return described


def _scoped(operation: Operation) -> str:
    needs = " or ".join(f"`{scope}`" for scope in operation.scopes)
    return f"{operation.description}\n\nNeeds a key with the scope {needs}.".strip()


def operation_id(route: Route) -> str:
    """A name for programs that write programs: `get_transactions_transaction_id`."""
    words = re.findall(r"[A-Za-z0-9_]+", route.path)
    return "_".join([route.method.lower(), *(word.replace(".", "_") for word in words)])


def _path_parameters(route: Route, operation: Operation) -> list[Schema]:
    named = re.findall(r"{(\w+)}", route.path)
    assert set(named) == set(operation.path), f"{route.path} describes {list(operation.path)}"
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": operation.path[name],
            "schema": {"type": "string", "minLength": 1},
        }
        for name in named
    ]


def _query(operation: Operation) -> Iterator[Schema]:
    if operation.takes is None or operation.body_only:
        return
    schema = schema_of_parameters(operation.takes)
    for name, one in schema["properties"].items():
        inner = {key: value for key, value in one.items() if key not in ("description", "default")}
        parameter = {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": one.get("description", ""),
            "schema": inner,
        }
        if inner.get("type") == "object":
            parameter |= {"style": "deepObject", "explode": True}
            inner["additionalProperties"] = {"type": "string"}
        yield parameter


def _conditions(operation: Operation) -> Iterator[Schema]:
    repeats = [IDEMPOTENCY_KEY] if operation.repeatable or operation.named else []
    for name in (*operation.conditions, *repeats):
        yield {
            "name": name,
            "in": "header",
            "required": operation.named,
            "description": _CONDITIONS[name],
            "schema": {"type": "string"},
        }


def _body(operation: Operation, requests: Mapping[str, Any]) -> Schema:
    assert operation.takes is not None, "asked only then"
    schema = schema_of_parameters(operation.takes)
    nested = [name for name, one in schema["properties"].items() if one.get("type") == "object"]
    form: Schema = {"schema": schema}
    if nested:
        form["encoding"] = {name: {"style": "deepObject", "explode": True} for name in nested}
    flat = {rf"^{name}\[.*\]$": {"type": ["string", "null"]} for name in nested}
    content = {
        FORM: _with_examples(form, requests),
        JSON: {"schema": {**schema, "patternProperties": flat} if flat else schema},
        MULTIPART: form,
    }
    return {"required": bool(schema.get("required")), "content": content}


def _json_body(body: type[Struct], requests: Mapping[str, Any]) -> Schema:
    media = _with_examples({"schema": schema_of_body(body)}, requests)
    return {"required": True, "content": {JSON: media}}


def _file(sends: Sequence[str], requests: Mapping[str, Any]) -> Schema:
    text = _with_examples({"schema": {"type": "string"}}, requests)
    return {
        "required": True,
        "content": {one: text if one.startswith("text/") else {} for one in sends},
    }


def _with_examples(media: Schema, examples: Mapping[str, Any]) -> Schema:
    if not examples:
        return media
    return {**media, "examples": {name: {"value": one} for name, one in examples.items()}}


def codes_of(route: Route, operation: Operation) -> dict[int, list[str]]:
    """What an endpoint may refuse with, by status: what it says, and what follows from the rest."""
    codes = [*operation.refuses, OVERLOADED, FAULT]
    if tuple(part for part in route.path.split("/") if part) not in EXEMPT:
        codes.append(RATE_LIMITED)
    codes += _codes_of_caller(operation) + _codes_of_input(operation)
    found: dict[int, list[str]] = defaultdict(list)
    for code in sorted(set(codes)):
        found[status_of(code)].append(code)
    return dict(sorted(found.items()))


def _codes_of_caller(operation: Operation) -> list[str]:
    if operation.scopes:
        return [BAD_OPERATOR_KEY, INSUFFICIENT_SCOPE, NOT_FOUND, NO_DATABASE, BAD_KEY]
    return [] if operation.public else [*ACCESS_TOKEN, NO_DATABASE, CONCURRENCY]


def _codes_of_input(operation: Operation) -> list[str]:
    codes = [NO_KEY, NO_WRITES] if operation.named else []
    if not operation.public or operation.takes:
        codes += [BAD_BODY, BAD_PARAM, TOO_LARGE]
    takes = operation.body or operation.takes
    if takes and schema_of_body(takes).get("required"):
        codes.append(MISSING_PARAM)
    return codes


def _responses(
    route: Route, operation: Operation, examples: Mapping[str, Any]
) -> Iterator[tuple[str, Schema]]:
    done = _response(
        200, operation.media, schema_of_answer(operation.answers), examples.get("200", {})
    )
    if operation.conditions and route.method != "DELETE":
        done["headers"] |= _references(["ETag"])
    yield "200", done
    if "If-None-Match" in operation.conditions:
        headers = _references([*_ALWAYS, "ETag"])
        yield "304", {"description": "You have it already", "headers": headers}
    if operation.ranges:
        part = _response(206, operation.media, {}, {})
        part["headers"] |= _references(["ETag", "Content-Range"])
        yield "206", part
    for status, codes in codes_of(route, operation).items():
        meanings = "\n".join(f"* `{code}`: {meaning_of(code)}" for code in codes)
        schema = {
            "allOf": [{"$ref": REF.format(name=Refused.__name__)}],
            "properties": {"code": _code(codes)},
        }
        response = _response(status, JSON, schema, examples.get(str(status), {}))
        response["description"] = f"{_PHRASES[status]}\n\n{meanings}"
        yield str(status), response


def _response(status: int, media: str, schema: Schema, examples: Mapping[str, Any]) -> Schema:
    names = [*_ALWAYS]
    if status == 401:
        names.append("WWW-Authenticate")
    if status in (429, 503):
        names.append("Retry-After")
    content: Schema = {"schema": schema} if schema else {}
    return {
        "description": _PHRASES[status],
        "headers": _references(names),
        "content": {media: _with_examples(content, examples)},
    }


def _references(names: Iterable[str]) -> Schema:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _code(codes: Sequence[str]) -> Schema:
    """One of these codes, where `<name>` is any parameter's name: one nobody knows may be bad."""
    fixed = [code for code in codes if "<" not in code]
    patterns = [
        "^" + re.escape(code).replace("<name>", _ANY_NAME) + "$" for code in codes if "<" in code
    ]
    if not patterns:
        return {"type": "string", "enum": fixed}
    either = [{"enum": fixed}, *({"pattern": pattern} for pattern in patterns)]
    return {"type": "string", "anyOf": either}
