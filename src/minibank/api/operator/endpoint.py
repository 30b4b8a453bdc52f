"""What stands between the operator routes and a resource: the key, its scope, and the repeat.

The order of refusals is that of the customers' API: a caller who is nobody, a key without the
scope, what cannot be read, an object that is not there, a rule of the bank. Everything that writes
names itself by an `Idempotency-Key`: sent again it is done once, and with other content it is
refused.
"""

import hashlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from typing_extensions import override

from minibank.api.answers import Answer, answer_json
from minibank.api.endpoint import Edge, Request, Runner, bearer_token
from minibank.api.operator.bodies import read_body
from minibank.api.repeats import IDEMPOTENCY_KEY, idempotency_key
from minibank.api.requests import Params
from minibank.core.addresses import is_within
from minibank.core.errors import BadRequest, Forbidden, NotFound
from minibank.core.ids import IdSource
from minibank.db import DatabaseError, ReadTx, Tx
from minibank.operators.keys import find_operator, is_use_noted, mark_used
from minibank.operators.records import Operator, OperatorRequest, Scope
from minibank.operators.requests import do_once
from minibank.settings import Settings

T = TypeVar("T")

DRY_RUN = "dry_run"
PASSWORD = "password"  # noqa: S105 # the name of a field


class DryRun(Struct, frozen=True):
    """How it is to be done."""

    dry_run: Annotated[
        bool | UnsetType, Meta(description="Only say what would come of it, and do nothing.")
    ] = UNSET


class OperatorCall(Struct, frozen=True):
    """One request by a known operator. `params` are those of the query."""

    operator: Operator
    params: Params
    path: Mapping[str, str]
    body: bytes
    content_type: str
    idempotency_key: str | None
    request_id: str
    operation: str
    settings: Settings
    drawn: dict[str, Any]

    @override
    def __repr__(self) -> str:
        # Without the body, which may hold a password.
        return f"OperatorCall({self.operator.key_id}, {self.operation})"

    def read(self, kind: type[T]) -> T:
        """The body as a value of this type; raises what is wrong with it."""
        return read_body(kind, self.body, self.content_type)

    @property
    def is_dry_run(self) -> bool:
        """Whether all is to be answered and nothing kept."""
        return self.params.flag(DRY_RUN)

    def draw(self, name: str, make: Callable[[], T]) -> T:
        """Something made once for this request, however often its unit of work has to run."""
        if name not in self.drawn:
            self.drawn[name] = make()
        drawn: T = self.drawn[name]
        return drawn

    def draw_id(self, ids: IdSource, prefix: str, shard: int, at: int) -> str:
        """A new id, the same however often this request's unit of work has to run."""
        return self.draw(f"id {prefix}", lambda: ids.new(prefix, shard, at))

    def require_key(self) -> str:
        """The `Idempotency-Key`; `BadRequest` without one."""
        if self.idempotency_key is None:
            raise BadRequest(
                "bad_request.missing_header.idempotency_key",
                f"The header '{IDEMPOTENCY_KEY}' is required: a text of your own that names this"
                " request",
            )
        return self.idempotency_key


Reader = Callable[[ReadTx, OperatorCall], Coroutine[Any, Any, object]]
Writer = Callable[[Tx, OperatorCall], Coroutine[Any, Any, str]]
"""Does what was asked for and answers the id of the object it was about."""
Shower = Callable[[ReadTx, OperatorCall, str], Coroutine[Any, Any, object]]
"""Shows the object of this id: the answer to the first request and to its repeats."""
Preparer = Callable[[OperatorCall], Awaitable[None]]
"""What takes long and needs no database (the hash of a password), done before the unit of work."""

Checker = Callable[[Edge, OperatorCall, str], Awaitable[None]]
"""Holds a repeat against what its first request left, where its digest does not say it (a
password); raises what `repeated_otherwise` says."""


class _Undo(Exception):
    """Ends a dry run: nothing of its unit of work is kept."""

    def __init__(self, done: "_Done") -> None:
        super().__init__()
        self.done = done


class _Done(Struct, frozen=True):
    """What is answered, the object it is about, and whether it was done by an earlier request."""

    value: object
    subject: str
    is_repeat: bool


async def call_of(
    edge: Edge, request: Request, tx: ReadTx, scopes: tuple[Scope, ...]
) -> OperatorCall:
    """The request once its operator is known; `Unauthorized`, or `Forbidden` without a scope."""
    _require_network(request.address, edge.settings.operator_networks)
    operator = await find_operator(tx, bearer_token(request.headers))
    if not set(scopes) & set(operator.scopes):
        raise _insufficient(scopes)
    return OperatorCall(
        operator=operator,
        params=request.params,
        path=request.path,
        body=request.body,
        content_type=request.headers.get("content-type", ""),
        idempotency_key=idempotency_key(request.headers),
        request_id=request.id,
        operation=request.operation,
        settings=edge.settings,
        drawn={},
    )


def _require_network(address: str, networks: tuple[str, ...]) -> None:
    """Nobody from elsewhere is told that there is anything."""
    if networks and not is_within(address, networks):
        raise NotFound


def for_networks(run: Runner) -> Runner:
    """An endpoint without a key, for whoever asks from where operators are."""

    async def shielded(edge: Edge, request: Request) -> Answer:
        _require_network(request.address, edge.settings.operator_networks)
        return await run(edge, request)

    return shielded


def require_scope(call: OperatorCall, scope: Scope) -> None:
    """`Forbidden` when the key lacks a scope that what it asks for needs besides."""
    if scope not in call.operator.scopes:
        raise _insufficient((scope,))


def _insufficient(scopes: tuple[Scope, ...]) -> Forbidden:
    return Forbidden(
        "forbidden.insufficient_scope",
        f"This needs a key with the scope {' or '.join(scopes)}",
        params={"scopes": " ".join(scopes)},
    )


async def note_use(edge: Edge, operator: Operator) -> None:
    """Note that a key was used; reading goes on where nothing can be written."""
    if not is_use_noted(operator, edge.db.clock.now()):
        with suppress(DatabaseError):
            await edge.db.transact(lambda tx: mark_used(tx, operator))


async def enter(edge: Edge, request: Request, *scopes: Scope) -> OperatorCall:
    """Find the operator in a unit of work of its own."""
    call = await edge.db.read(lambda tx: call_of(edge, request, tx, scopes))
    await note_use(edge, call.operator)
    return call


def reading(resource: Reader, *scopes: Scope) -> Runner:
    """An endpoint that changes nothing, for keys with any of these scopes."""

    async def run(edge: Edge, request: Request) -> Answer:
        async def work(tx: ReadTx) -> tuple[OperatorCall, object]:
            call = await call_of(edge, request, tx, scopes)
            return call, await resource(tx, call)

        call, value = await edge.db.read(work)
        await note_use(edge, call.operator)
        return value if isinstance(value, Answer) else answer_json(value)

    return run


def writing(
    write: Writer,
    show: Shower,
    *scopes: Scope,
    prepare: Preparer | None = None,
    check: Checker | None = None,
) -> Runner:
    """An endpoint that changes something, for keys with any of these scopes.

    All of it is one unit of work, with the note of who asked for it. A repeat writes nothing and is
    shown the object as it is now.
    """

    async def run(edge: Edge, request: Request) -> Answer:
        call = await enter(edge, request, *scopes)
        call.require_key()
        is_dry_run = call.is_dry_run
        if prepare is not None:
            await prepare(call)

        async def work(tx: Tx) -> _Done:
            subject, is_repeat = await once(tx, call, _digest(call), lambda: write(tx, call))
            done = _Done(await show(tx, call, subject), subject, is_repeat)
            if is_dry_run:
                raise _Undo(done)
            return done

        try:
            done = await edge.db.transact(work)
        except _Undo as undone:
            done = undone.done
        if check is not None and done.is_repeat:
            await check(edge, call, done.subject)
        return answer_json(done.value)

    return run


async def once(
    tx: Tx, call: OperatorCall, digest: bytes, work: Callable[[], Awaitable[str]]
) -> tuple[str, bool]:
    """Do it, unless it was done; the object that it was about, and whether it was done before.

    `digest` is that of what the request says: what differs in it is another request.
    """
    request = OperatorRequest(
        key_id=call.operator.key_id,
        idempotency_key=call.require_key(),
        digest=digest,
        operation=call.operation,
        subject="",
        request_id=call.request_id,
        requested_at=tx.now,
    )
    return await do_once(tx, request, work)


def _digest(call: OperatorCall) -> bytes:
    """What makes two requests the same: where they go and what they say, in any order of fields.

    A password is left out: a digest of it is sooner guessed than the hash that is kept of it.
    """
    body = call.read(dict[str, Any])
    body.pop(PASSWORD, None)
    # A segment that is no Unicode text names nothing that there is, which is told later.
    path = {name: quote(given, errors="surrogatepass") for name, given in call.path.items()}
    form = [call.operation, path, body]
    return hashlib.sha256(msgspec.json.encode(form, order="sorted")).digest()
