"""The operator's own key, all keys, and what was done for them."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from minibank.api.operation import Operation
from minibank.api.operator.endpoint import OperatorCall
from minibank.api.operator.pages import After, Cursor, Limit, cursor_of, position_of
from minibank.core.instants import INSTANT_MAX, format_instant, format_or_none
from minibank.core.pages import LIMIT_MAX
from minibank.core.wire import Instant
from minibank.db import ReadTx
from minibank.operators import store
from minibank.operators.keys import read_key
from minibank.operators.records import SCOPES, OperatorKey, OperatorRequest, Scope

ANY = SCOPES


class WireOperatorKey(Struct, frozen=True, kw_only=True):
    """A key. Its secret is shown once, to whoever makes it, and to nobody else."""

    id: str
    name: str
    scopes: list[Scope]
    created: Instant
    disabled: Annotated[str | None, Meta(description="Since when it can do nothing.")]
    last_used: Annotated[str | None, Meta(description="When it was last used, to the minute.")]
    retiring_until: Annotated[
        str | None, Meta(description="When the secret that a rotation replaced ends.")
    ]
    retiring_last_used: Annotated[
        str | None, Meta(description="When that secret was last used: null says it is safe to go.")
    ]


class Keys(Struct, frozen=True):
    """All keys, oldest first."""

    keys: list[WireOperatorKey]


class WireRequest(Struct, frozen=True, kw_only=True):
    """One thing that was done for an operator."""

    key_id: Annotated[str, Meta(description="Whose key it was.")]
    idempotency_key: Annotated[str, Meta(description="By which the request named itself.")]
    operation: Annotated[str, Meta(description="Its method and path.")]
    subject: Annotated[str, Meta(description="The object that it was about.")]
    request_id: Annotated[str, Meta(description="By which it is found in the bank's log.")]
    requested: Instant


class Requests(Struct, frozen=True):
    """A page of what was done, newest first."""

    requests: list[WireRequest]
    next: Cursor


class WhichRequests(Struct, frozen=True, kw_only=True):
    """Which requests."""

    subject: Annotated[
        str | UnsetType, Meta(description="Only those about the object of this id.")
    ] = UNSET
    after: After = UNSET
    limit: Limit = UNSET


WHOAMI = Operation(
    tag="Service",
    summary="Show the key that asks",
    answers=WireOperatorKey,
    scopes=ANY,
)
LIST_KEYS = Operation(
    tag="Service",
    summary="List the keys",
    description="Keys are made, rotated and disabled by `minibank operator key`.",
    answers=Keys,
    scopes=("audit",),
)
LIST_REQUESTS = Operation(
    tag="Service",
    summary="List what operators did",
    description="Everything but movements of money, which the books tell of.",
    takes=WhichRequests,
    answers=Requests,
    scopes=("audit",),
)


async def show_own_key(tx: ReadTx, call: OperatorCall) -> WireOperatorKey:
    """GET /operator/v1/whoami"""
    return show_key(await read_key(tx, call.operator.key_id))


async def list_keys(tx: ReadTx, call: OperatorCall) -> Keys:
    """GET /operator/v1/keys"""
    return Keys([show_key(key) for key in await store.list_keys(tx)])


async def list_requests(tx: ReadTx, call: OperatorCall) -> Requests:
    """GET /operator/v1/requests"""
    limit = call.params.limit(LIMIT_MAX)
    after = position_of(call.params.text("after"), tuple[int, str, str])
    before = after or (INSTANT_MAX, "", "")
    subject = call.params.text("subject") or ""
    found = await store.list_requests(tx, subject, before, limit)
    last = found[-1] if len(found) == limit else None
    return Requests(
        [_show_request(one) for one in found],
        cursor_of((last.requested_at, last.key_id, last.idempotency_key) if last else None),
    )


def show_key(key: OperatorKey) -> WireOperatorKey:
    """A key as operators read it."""
    return WireOperatorKey(
        id=key.id,
        name=key.name,
        scopes=list(key.scopes),
        created=format_instant(key.created_at),
        disabled=format_or_none(key.disabled_at),
        last_used=format_or_none(key.last_used_at),
        retiring_until=format_or_none(key.retiring_until),
        retiring_last_used=format_or_none(key.retiring_used_at),
    )


def _show_request(request: OperatorRequest) -> WireRequest:
    return WireRequest(
        key_id=request.key_id,
        idempotency_key=request.idempotency_key,
        operation=request.operation,
        subject=request.subject,
        request_id=request.request_id,
        requested=format_instant(request.requested_at),
    )
