"""`minibank operator`: the operator API as commands, one for each of its endpoints.

They are made of the API's table of routes, so that what is there is here: the nouns of a path are
groups, its named segments arguments, parameters and the fields of a body flags.
"""

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin
from urllib.parse import quote

import msgspec
import typer
from msgspec import Struct, UnsetType

from minibank.api.operation import Operation
from minibank.api.operator.endpoint import PASSWORD
from minibank.api.operator.routes import ROUTES
from minibank.api.operator.table import PREFIX
from minibank.api.repeats import IDEMPOTENCY_KEY
from minibank.api.routing import Route
from minibank.cli import operator_keys
from minibank.cli.common import FAILED, CommandFailed, JsonFlag, errors_console, print_json
from minibank.cli.operator_http import JSON, Asked, Target, ask
from minibank.cli.operator_show import show
from minibank.core.ids import RandomIds
from minibank.settings.sources import OPERATOR_VARIABLES

app = typer.Typer(
    help="Move money, look after customers and read the books of a bank that serves, by its"
    " operator API. MINIBANK_OPERATOR_KEY holds the key; `minibank operator key` makes one.",
    no_args_is_help=True,
)
app.add_typer(operator_keys.app, name="key", help="Keys of the operator API, in a bank's books.")

KEY_VARIABLE, URL_VARIABLE = OPERATOR_VARIABLES
BANK_PANEL = "Which bank is asked"
_HIDDEN = "A password comes with --body: other people of this machine see a command line."
_VERBS = {"GET": "show", "POST": "create", "PUT": "set", "PATCH": "change", "DELETE": "delete"}

UrlFlag = Annotated[
    str,
    typer.Option(
        "--url", envvar=URL_VARIABLE, metavar="URL", help="Where it serves.",
        rich_help_panel=BANK_PANEL,
    ),
]  # fmt: skip
KeyFlag = Annotated[
    str,
    typer.Option(
        "--key", envvar=KEY_VARIABLE, metavar="SECRET",
        help="An operator key's secret; better in the environment, where other people of this"
        " machine do not see it.",
        rich_help_panel=BANK_PANEL, show_default=False,
    ),
]  # fmt: skip
CaFlag = Annotated[
    Path | None,
    typer.Option(
        "--ca", metavar="FILE", help="A certificate to trust, as a demo with TLS makes it.",
        rich_help_panel=BANK_PANEL,
    ),
]  # fmt: skip
BodyFlag = Annotated[
    Path | None,
    typer.Option("--body", metavar="FILE", help="The whole body from a file; `-` reads it here."),
]
IdempotencyFlag = Annotated[
    str,
    typer.Option(
        "--idempotency-key", metavar="TEXT",
        help="Your name for this request: sent again under it, it is done once. Default: a new one,"
        " which is told when something goes wrong.",
    ),
]  # fmt: skip


def _words(route: Route) -> list[str]:
    """What a route is called: the nouns of its path, and what is done to them."""
    segments = route.path.removeprefix(PREFIX).strip("/").split("/")
    nouns = [one for one in segments if not one.startswith("{")]
    if route.method != "GET" or segments[-1].startswith("{"):
        return [*nouns, _VERBS[route.method]]
    if nouns[-1].endswith("s"):
        return [*nouns, "list"]
    return nouns if len(segments) == 1 else [*nouns, "show"]


def _groups(routes: Iterator[Route]) -> None:
    """Add a command for each route to `app`, in groups that its nouns name."""
    known: dict[tuple[str, ...], typer.Typer] = {(): app}
    for route in routes:
        assert route.operation is not None
        *nouns, verb = _words(route)
        for depth in range(1, len(nouns) + 1):
            path = tuple(nouns[:depth])
            if path not in known:
                about = f"{path[-1].replace('-', ' ').capitalize()}."
                known[path] = typer.Typer(help=about, no_args_is_help=True)
                known[path[:-1]].add_typer(known[path], name=path[-1])
        known[tuple(nouns)].command(verb)(_command(route, route.operation))


def _command(route: Route, operation: Operation) -> Callable[..., None]:
    """The command that asks this endpoint."""
    query = _fields(operation.takes)
    body = _fields(operation.body) if operation.body else {}
    hidden = body.pop(PASSWORD, None)

    def run(**given: Any) -> None:  # noqa: ANN401 - whatever the command line says
        target = Target(given["url"], given["key"], given["ca"])
        if not target.key:
            raise CommandFailed(f"--key or {KEY_VARIABLE} must say which key", FAILED)
        path = re.sub(r"{(\w+)}", lambda found: quote(str(given[found[1]]), safe=""), route.path)
        name = given.get("idempotency_key") or RandomIds().secret(12).hex()
        headers = {IDEMPOTENCY_KEY: name} if operation.named else {}
        asked = Asked(
            method=route.method,
            path=path,
            query={one: _text(given[one]) for one in query if _is_given(given[one])},
            headers=headers,
            body=_body(given, body) if _is_told(given, operation) else None,
            media=operation.sends[0] if operation.sends else JSON,
        )
        try:
            answer = ask(target, asked, _write)
        except CommandFailed as failure:
            if headers and failure.status == FAILED:
                errors_console().print(f"To try the same again: --idempotency-key {name}")
            raise
        if answer is not None:
            print_json(answer) if given["as_json"] else show(answer)

    parameters = [*_own_parameters(operation, query, body), *_common_parameters(route, operation)]
    assert len({one.name for one in parameters}) == len(parameters), "a field is called like a flag"
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    run.__name__ = "_".join(_words(route)).replace("-", "_")
    words = (f"{operation.summary}.", operation.description, _HIDDEN if hidden else "")
    run.__doc__ = "\n\n".join(one for one in words if one)
    return run


def _is_told(given: dict[str, Any], operation: Operation) -> bool:
    """Whether the request has a body: one that says nothing may stay away."""
    return operation.body is not None or given.get("body") is not None


def _has_body(route: Route, operation: Operation) -> bool:
    return operation.body is not None or (route.method != "GET" and route.body != "parameters")


def _own_parameters(
    operation: Operation, query: dict[str, Any], body: dict[str, Any]
) -> Iterator[inspect.Parameter]:
    for name, words in operation.path.items():
        yield _parameter(name, Annotated[str, typer.Argument(help=words)], inspect.Parameter.empty)
    for name, one in {**query, **body}.items():
        kind, default = _flag(one)
        about = typer.Option(f"--{name.replace('_', '-')}", help=_help(one), show_default=False)
        yield _parameter(name, Annotated[kind, about], default)


def _common_parameters(route: Route, operation: Operation) -> Iterator[inspect.Parameter]:
    if _has_body(route, operation):
        yield _parameter("body", BodyFlag, None)
    if operation.named:
        yield _parameter("idempotency_key", IdempotencyFlag, "")
    yield _parameter("as_json", JsonFlag, False)
    yield _parameter("url", UrlFlag, "http://127.0.0.1:8484")
    yield _parameter("key", KeyFlag, "")
    yield _parameter("ca", CaFlag, None)


def _parameter(name: str, annotation: Any, default: object) -> inspect.Parameter:  # noqa: ANN401
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def _fields(kind: type[Struct] | None) -> dict[str, Any]:
    if kind is None:
        return {}
    return {one.encode_name: one for one in msgspec.structs.fields(kind)}


def _plain(kind: Any) -> Any:  # noqa: ANN401 - a type
    """A type without what it may also be (absent, null) and what is said of it."""
    if get_origin(kind) is Annotated:
        return _plain(get_args(kind)[0])
    if get_origin(kind) is Literal:
        return str
    if get_origin(kind) is list:
        return list[str] if _plain(get_args(kind)[0]) is str else kind
    parts = [one for one in get_args(kind) if one not in (UnsetType, type(None))]
    return _plain(parts[0]) if len(parts) == 1 else kind


def _flag(field: Any) -> tuple[Any, object]:  # noqa: ANN401
    """The type of a flag and its default: what is not given is not sent."""
    kind = _plain(field.type)
    return (str if _is_json(kind) else kind) | None, None


def _is_json(kind: Any) -> bool:  # noqa: ANN401
    """Whether a value of this type is given as JSON, because no flag can say it."""
    return kind not in (str, int, bool, float, list[str])


def _help(field: Any) -> str:  # noqa: ANN401
    """What the reference says of a field."""
    schema = msgspec.json.schema(field.type)
    found = schema.get("description", "")
    for one in schema.get("anyOf", ()):
        found = found or one.get("description", "")
    is_json = _is_json(_plain(field.type))
    required = " Required, here or in --body." if field.required else ""
    return f"{found}{' As JSON.' if is_json else ''}{required}"


def _is_given(value: object) -> bool:
    return value is not None and value != []


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _body(given: dict[str, Any], fields: dict[str, Any]) -> bytes:
    """The body from a file and from flags; a flag wins."""
    said: dict[str, Any] = {}
    if given["body"] is not None:
        content = _read(given["body"])
        if not fields:
            return content
        said = _decoded(content, str(given["body"]))
    for name, field in fields.items():
        if _is_given(given[name]):
            said[name] = _value(_plain(field.type), name, given[name])
    return msgspec.json.encode(said)


def _read(path: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise CommandFailed(f"{path} cannot be read: {error.strerror}", FAILED) from error


def _decoded(content: bytes, where: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{where} is not JSON: {error}", FAILED) from error


def _value(kind: Any, name: str, given: Any) -> Any:  # noqa: ANN401
    return _decoded(given.encode(), f"--{name}") if _is_json(kind) else given


def _write(part: bytes) -> None:
    sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()


# `minibank operator key list` tells of the keys, and needs none itself.
_ELSEWHERE = f"{PREFIX}/keys"

_groups(
    route
    for route in ROUTES
    if route.operation and route.operation.scopes and route.path != _ELSEWHERE
)
