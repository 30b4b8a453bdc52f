"""What stands between the table of routes and a resource: the unit of work and the caller.

A resource is a function of a unit of work and a `Call`; `reading` and `writing` open the one and
make the other. The order of refusals is the documented one: a path that does not exist, a method
it does not have, a caller who is nobody, a parameter that cannot be read, an object that is not
the caller's, a rule of the bank.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from msgspec import Struct
from typing_extensions import override

from minibank.api.answers import Answer
from minibank.api.conditions import answer_value
from minibank.api.limiting import Meter
from minibank.api.metrics import HttpMetrics
from minibank.api.public_url import public_url_for
from minibank.api.requests import Params, Parsed, is_storable
from minibank.attachments.signatures import UploadKeys
from minibank.core.errors import BankError, Forbidden, insufficient_permissions
from minibank.core.ids import shard_of
from minibank.db import Database, ReadTx, Tx
from minibank.files import Files
from minibank.files.metrics import FileMetrics
from minibank.oauth.callers import Caller, find_caller
from minibank.oauth.metrics import TokenMetrics
from minibank.oauth.secrets import ParsedToken, parse_token
from minibank.payments.commands import Command
from minibank.payments.engine import Engine
from minibank.settings import Settings
from minibank.webhooks.signing import SigningKeys

T = TypeVar("T")


@dataclass(slots=True)
class Watch:
    """What the server and the API both know of this process: its counts, whether it drains, how
    many answers stay open, and how many files each user is sending."""

    metrics: HttpMetrics = field(default_factory=HttpMetrics)
    files: FileMetrics = field(default_factory=FileMetrics)
    draining: bool = False
    streams: int = 0
    uploads: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Edge:
    """What the API stands on; without `files` it can keep none and serves none."""

    db: Database
    engine: Engine
    settings: Settings
    watch: Watch = field(default_factory=Watch)
    tokens: TokenMetrics = field(default_factory=TokenMetrics)
    signing: SigningKeys = field(default_factory=SigningKeys)
    uploads: UploadKeys = field(default_factory=UploadKeys)
    files: Files | None = None


class Request(Struct, frozen=True):
    """A request after routing.

    `operation` is the method and the route (`GET /accounts`), `method` that of the request (`HEAD`
    too), `path` holds the named segments, `query` what stands behind the question mark, `body` the
    bytes as they came, `parts` those of a stream that are still to come, `address` the sender's
    address, `scheme` is http or https, and `meter` counts the request for its client and user, once
    these are known. By its `id` it is found in the log.
    """

    id: str
    operation: str
    method: str
    path: Mapping[str, str]
    headers: Mapping[str, str]
    query: bytes
    parsed: Parsed
    body: bytes
    parts: AsyncIterator[bytes] | None
    address: str
    meter: Meter
    scheme: str

    @property
    def params(self) -> Params:
        """The parameters; raises what was wrong with them."""
        if isinstance(self.parsed, BankError):
            raise self.parsed
        return self.parsed


class Call(Struct, frozen=True):
    """One request by a known caller, and the token that it came with."""

    caller: Caller
    params: Params
    path: Mapping[str, str]
    body: bytes
    settings: Settings
    signing: SigningKeys
    uploads: UploadKeys
    headers: Mapping[str, str]
    scheme: str
    token: str
    drawn: dict[str, str]

    @override
    def __repr__(self) -> str:
        # Without the token, which a log would keep.
        return f"Call({self.caller})"

    @property
    def public_url(self) -> str:
        """What absolute URLs in the answer begin with."""
        return public_url_for(self.settings, self.scheme, self.headers.get("host", ""))

    @property
    def files_url(self) -> str:
        """What addresses of the bank's own files begin with."""
        return self.settings.files_url or self.public_url

    def draw_id(self, tx: Tx, prefix: str, shard: int) -> str:
        """A new id, the same however often this request's unit of work has to run."""
        if prefix not in self.drawn:
            self.drawn[prefix] = tx.ids.new(prefix, shard, tx.now)
        return self.drawn[prefix]

    def draw_secret(self, tx: Tx, purpose: str) -> bytes:
        """Unguessable bytes, the same however often this request's unit of work has to run."""
        if purpose not in self.drawn:
            self.drawn[purpose] = tx.ids.secret().hex()
        return bytes.fromhex(self.drawn[purpose])

    def forbidden(self) -> Forbidden:
        """The one answer for what is not the caller's and for what does not exist."""
        return insufficient_permissions(self.caller.client_id, self.caller.user_id)

    def require_shard(self, identifier: str) -> int:
        """The shard an id routes to; refused like an unknown id when it has none."""
        shard = shard_of(identifier)
        if shard is None or not is_storable(identifier):
            raise self.forbidden()
        return shard


class Order(Struct, frozen=True):
    """A command for the money engine; `refused` says in the API's words why it was not done."""

    command: Command
    refused: Callable[[BankError], BankError]


Runner = Callable[[Edge, Request], Awaitable[Answer]]
Reader = Callable[[ReadTx, Call], Coroutine[Any, Any, object]]
Writer = Callable[[Tx, Call], Coroutine[Any, Any, object]]
Orderer = Callable[[ReadTx, Call], Coroutine[Any, Any, Order]]


def bearer_token(headers: Mapping[str, str]) -> str:
    """The token of the `Authorization` header (RFC 6750), empty when there is none."""
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


class _Asking(Struct, frozen=True):
    """A request whose caller is yet to be found; what its units of work share."""

    edge: Edge
    request: Request
    token: str
    parsed: ParsedToken | None
    drawn: dict[str, str]

    @override
    def __repr__(self) -> str:
        return f"_Asking({self.parsed})"

    async def call(self, tx: ReadTx, *, is_counted: bool = True) -> Call:
        """The request once its caller is known; `Unauthorized` when that is nobody."""
        caller = await find_caller(tx, self.parsed)
        request = self.request
        if is_counted:
            request.meter.note_caller(caller)
        return Call(
            caller=caller,
            params=request.params,
            path=request.path,
            body=request.body,
            settings=self.edge.settings,
            signing=self.edge.signing,
            uploads=self.edge.uploads,
            headers=request.headers,
            scheme=request.scheme,
            token=self.token,
            drawn=self.drawn,
        )


def _ask(edge: Edge, request: Request) -> _Asking:
    token = bearer_token(request.headers)
    return _Asking(edge, request, token, parse_token(token), {})


async def read_again(edge: Edge, request: Request, resource: Reader) -> object:
    """What a resource says to the caller of a request that was answered before and stays open.

    Who the caller is, is asked anew; it is not counted as another request.
    """
    asking = _ask(edge, request)

    async def work(tx: ReadTx) -> object:
        return await resource(tx, await asking.call(tx, is_counted=False))

    return await edge.db.read(work)


def reading(resource: Reader) -> Runner:
    """An endpoint that needs a caller and changes nothing."""

    async def run(edge: Edge, request: Request) -> Answer:
        asking = _ask(edge, request)

        async def work(tx: ReadTx) -> object:
            return await resource(tx, await asking.call(tx))

        value = await request.meter.in_turn(asking.parsed, lambda: edge.db.read(work))
        return answer_value(value, request.headers)

    return run


def writing(resource: Writer) -> Runner:
    """An endpoint that needs a caller and does everything in one unit of work."""

    async def run(edge: Edge, request: Request) -> Answer:
        asking = _ask(edge, request)

        async def work(tx: Tx) -> object:
            return await resource(tx, await asking.call(tx))

        value = await request.meter.in_turn(asking.parsed, lambda: edge.db.transact(work))
        return answer_value(value)

    return run


def moving(order: Orderer, resource: Reader) -> Runner:
    """An endpoint that moves money: `order` reads and says what the engine is to do, and when that
    is done, or was before, `resource` reads what to answer."""

    async def run(edge: Edge, request: Request) -> Answer:
        asking = _ask(edge, request)

        async def begin(tx: ReadTx) -> tuple[Call, Order]:
            call = await asking.call(tx)
            return call, await order(tx, call)

        async def move() -> object:
            call, ordered = await edge.db.read(begin)
            try:
                await edge.engine.execute(ordered.command)
            except BankError as error:
                raise ordered.refused(error) from error
            return await edge.db.read(lambda tx: resource(tx, call))

        return answer_value(await request.meter.in_turn(asking.parsed, move))

    return run
