"""What a webhook was told: list, look at each attempt, send again."""

from typing import Annotated, Literal, cast

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from minibank.api.answers import Answer
from minibank.api.catalogue import NO_DELIVERY, NO_WEBHOOK, NO_WRITES
from minibank.api.conditions import answer_value
from minibank.api.endpoint import Call, Edge, Request
from minibank.api.operation import Operation
from minibank.api.requests import is_storable
from minibank.api.webhooks import require_own
from minibank.core.errors import BadParam
from minibank.core.instants import format_instant
from minibank.core.pages import LIMIT_MAX
from minibank.core.wire import Instant
from minibank.db import ReadTx, Tx
from minibank.webhooks.history import store
from minibank.webhooks.history.places import BOUND, LAST, find_after, find_place
from minibank.webhooks.history.resending import (
    PER_SECOND,
    PER_SECOND_MAX,
    RESENT_MAX,
    no_such_delivery,
    resend,
    resend_from,
)
from minibank.webhooks.history.store import AttemptRow, Told
from minibank.webhooks.history.testing import send_test
from minibank.webhooks.records import DELIVERY_STATES, DeliveryState, Webhook

LIMIT = 30
ENDED = ("failed", "cancelled", "delivered")
ALL = "all"

_State = Annotated[DeliveryState, Meta(extra_json_schema={"type": "string"})]


class DeliveriesParameters(Struct, kw_only=True):
    """A part of what a webhook was told."""

    state: Annotated[_State | UnsetType, Meta(description="Only those in this state.")] = UNSET
    since: Annotated[
        str | UnsetType,
        Meta(description=f"After {BOUND}; what was made at the instant is in."),
    ] = UNSET
    before: Annotated[str | UnsetType, Meta(description=f"Before {BOUND}.")] = UNSET
    limit: Annotated[
        Annotated[int, Meta(ge=1)] | UnsetType,
        Meta(description=f"How many at most: {LIMIT} by default, and never more than {LIMIT_MAX}."),
    ] = UNSET


class ResendParameters(Struct, kw_only=True):
    """What to send again."""

    since: Annotated[
        str, Meta(description="The first: a number, the id of a delivery, or an instant.")
    ]
    state: Annotated[
        Literal["failed", "cancelled", "delivered", "all"] | UnsetType,
        Meta(
            description="`failed` unless it is said; `all` is everything that has ended.",
            extra_json_schema={"type": "string"},
        ),
    ] = UNSET
    per_second: Annotated[
        Annotated[int, Meta(ge=1, le=PER_SECOND_MAX)] | UnsetType,
        Meta(description=f"How many become due in a second: {PER_SECOND} unless it is said."),
    ] = UNSET


class WireDelivery(Struct, kw_only=True):
    """An event that a webhook is or was told of."""

    id: Annotated[str, Meta(description="The same in every attempt: `webhook-id`.")]
    webhook_id: str
    sequence: Annotated[int, Meta(description="1, 2, 3 ... for each webhook, without gaps.")]
    event: str
    subject: Annotated[str, Meta(description="The id of what the event is about.")]
    created: Instant
    state: Annotated[
        DeliveryState,
        Meta(description="`failed` after the last attempt, `cancelled` when it is not to be sent."),
    ]
    attempts: int
    next_attempt: Annotated[
        Instant | UnsetType,
        Meta(description="When it is due; no such key when it has ended or waits for others."),
    ] = UNSET
    finished: Annotated[
        Instant | UnsetType, Meta(description="When it ended; no such key while it is pending.")
    ] = UNSET


class WireAttempt(Struct, kw_only=True):
    """One request to the webhook, and what came back."""

    attempt: int
    at: Instant
    milliseconds: int
    request_headers: list[list[str]]
    status: Annotated[int, Meta(description="Of the answer; 0 when none came.")]
    response_headers: list[list[str]]
    response_body: Annotated[str, Meta(description="Its beginning, up to 16 KiB.")]
    error: Annotated[
        str,
        Meta(
            description="What went wrong on the way, in a word such as `timeout`, `dns`, `tls` or"
            " `refused_address`; empty when an answer came."
        ),
    ]


class Deliveries(Struct):
    """Some of what a webhook was told, the newest first."""

    deliveries: list[WireDelivery]


class OneDelivery(Struct):
    """A delivery."""

    delivery: WireDelivery


class DeliveryWithAttempts(Struct):
    """A delivery, what is sent each time, and every attempt so far."""

    delivery: WireDelivery
    payload: Annotated[
        msgspec.Raw,
        Meta(description="The body.", extra_json_schema={"type": ["object", "null"]}),
    ]
    attempts: list[WireAttempt]


class Resent(Struct, kw_only=True):
    """How many deliveries are sent again."""

    resent: int
    next: Annotated[
        int | UnsetType,
        Meta(
            description=f"Go on with this as `since`; no such key when all are: {RESENT_MAX} at"
            " most in a request."
        ),
    ] = UNSET


class PublicKeys(Struct):
    """What signs: `whpk_` and base64 of the 32 bytes of an ed25519 key."""

    keys: list[str]


_ID = {"webhook_id": "The webhook's id."}
_IDS = {**_ID, "delivery_id": "The delivery's id."}

LIST_DELIVERIES = Operation(
    tag="Webhooks",
    summary="List what a webhook was told",
    description="The newest first; walk back with `before` set to the last one's id or number.",
    path=_ID,
    takes=DeliveriesParameters,
    answers=Deliveries,
    refuses=(NO_WEBHOOK, NO_DELIVERY),
)
RETRIEVE_DELIVERY = Operation(
    tag="Webhooks",
    summary="Retrieve a delivery and its attempts",
    path=_IDS,
    answers=DeliveryWithAttempts,
    refuses=(NO_WEBHOOK, NO_DELIVERY),
)
RESEND_DELIVERY = Operation(
    tag="Webhooks",
    summary="Send a delivery again",
    description="At once, with the same id and the same bytes, as if it had not been tried; one"
    " that is pending is hastened. A webhook that the bank gave up is told again from now on.",
    path=_IDS,
    answers=OneDelivery,
    refuses=(NO_WEBHOOK, NO_DELIVERY, NO_WRITES),
)
RESEND_DELIVERIES = Operation(
    tag="Webhooks",
    summary="Send again all since",
    description="What has ended in the meantime is sent anew, in order and not faster than asked"
    " for. A webhook that the bank gave up is told again from now on.",
    path=_ID,
    takes=ResendParameters,
    answers=Resent,
    refuses=(NO_WEBHOOK, NO_DELIVERY, NO_WRITES),
)
SEND_TEST = Operation(
    tag="Webhooks",
    summary="Send a test event",
    description="`webhook.test`, whatever events the webhook asked for, with a number like any"
    " other; `data` has `webhook_id`, `account_id` and `created`. For a webhook that the bank gave"
    " up it is `cancelled`.",
    path=_ID,
    answers=OneDelivery,
    refuses=(NO_WEBHOOK, NO_WRITES),
)
KEYS = Operation(
    tag="Webhooks",
    summary="Read the bank's public keys",
    description="They sign for webhooks that were registered with `signature=ed25519`, by the"
    " Standard Webhooks specification. The one in force first; while the bank changes its key, both"
    " sign.",
    answers=PublicKeys,
    public=True,
)


async def list_deliveries(tx: ReadTx, call: Call) -> object:
    """GET /webhooks/{webhook_id}/deliveries"""
    params = call.params
    state, limit = params.choice("state", DELIVERY_STATES), params.limit(LIMIT)
    webhook = await require_own(tx, call)
    after = await find_after(tx, webhook, "since", params.text("since"))
    before = await find_place(tx, webhook, "before", params.text("before") or str(LAST))
    found = await store.list_told(tx, webhook, after, before, limit, state)
    return Deliveries([_show(one) for one in found])


async def retrieve_delivery(tx: ReadTx, call: Call) -> object:
    """GET /webhooks/{webhook_id}/deliveries/{delivery_id}"""
    webhook = await require_own(tx, call)
    told = await _require_told(tx, call, webhook)
    attempts = await store.list_attempts(tx, webhook, told.sequence)
    payload = msgspec.Raw(told.payload or b"null")
    return DeliveryWithAttempts(_show(told), payload, [_show_attempt(one) for one in attempts])


async def resend_delivery(tx: Tx, call: Call) -> object:
    """POST /webhooks/{webhook_id}/deliveries/{delivery_id}/resend"""
    webhook = await require_own(tx, call)
    await resend(tx, webhook, await _require_told(tx, call, webhook))
    return OneDelivery(_show(await _require_told(tx, call, webhook)))


async def resend_deliveries(tx: Tx, call: Call) -> object:
    """POST /webhooks/{webhook_id}/resend"""
    since = call.params.require_text("since")
    state = call.params.choice("state", (*ENDED, ALL)) or ENDED[0]
    per_second = call.params.integer("per_second")
    if per_second is not None and not 1 <= per_second <= PER_SECOND_MAX:
        raise BadParam("per_second", f"must be from 1 to {PER_SECOND_MAX}")
    webhook = await require_own(tx, call)
    first = await find_place(tx, webhook, "since", since)
    chosen = None if state == ALL else cast(DeliveryState, state)
    resent = await resend_from(tx, webhook, first, chosen, per_second or PER_SECOND)
    return Resent(resent=resent.count, next=UNSET if resent.next is None else resent.next)


async def send_test_event(tx: Tx, call: Call) -> object:
    """POST /webhooks/{webhook_id}/test"""
    webhook = await require_own(tx, call)
    told = await send_test(tx, webhook, call.draw_id(tx, "delivery", webhook.shard))
    return OneDelivery(_show(told))


async def keys(edge: Edge, request: Request) -> Answer:
    """GET /.well-known/webhook-keys"""
    return answer_value(PublicKeys(edge.signing.public_keys()))


async def _require_told(tx: ReadTx, call: Call, webhook: Webhook) -> Told:
    delivery_id = call.path["delivery_id"]
    told = await store.find_told(tx, webhook, delivery_id) if is_storable(delivery_id) else None
    if told is None:
        raise no_such_delivery()
    return told


def _show(told: Told) -> WireDelivery:
    return WireDelivery(
        id=told.id,
        webhook_id=told.webhook_id,
        sequence=told.sequence,
        event=told.event,
        subject=told.subject,
        created=format_instant(told.created_at),
        state=told.state,
        attempts=told.attempts,
        next_attempt=UNSET if told.due_at is None else format_instant(told.due_at),
        finished=UNSET if told.finished_at is None else format_instant(told.finished_at),
    )


def _show_attempt(row: AttemptRow) -> WireAttempt:
    return WireAttempt(
        attempt=row.attempt,
        at=format_instant(row.attempted_at),
        milliseconds=row.microseconds // 1000,
        request_headers=msgspec.json.decode(row.request_headers, type=list[list[str]]),
        status=row.status,
        response_headers=msgspec.json.decode(row.response_headers, type=list[list[str]]),
        response_body=row.excerpt.decode("utf-8", "replace"),
        error=row.error,
    )
