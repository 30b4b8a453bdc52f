"""Webhooks: register, list, retrieve, delete."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec import field as wire_field

from minibank.accounts.store import is_owner
from minibank.api.catalogue import FORBIDDEN, NO_SECRET, NO_WEBHOOK, NO_WRITES, TOO_MANY_WEBHOOKS
from minibank.api.endpoint import Call
from minibank.api.operation import Nothing, Operation
from minibank.api.ownership import require_owned
from minibank.api.requests import is_storable
from minibank.core.ids import shard_of
from minibank.core.instants import format_instant
from minibank.core.wire import Instant
from minibank.db import ReadTx, Tx
from minibank.webhooks import store
from minibank.webhooks.delivering.policies import POLICY_NAMES
from minibank.webhooks.events import Event, chosen
from minibank.webhooks.records import Webhook
from minibank.webhooks.registering import no_such_webhook
from minibank.webhooks.registering import register_webhook as register
from minibank.webhooks.registering import remove_webhook as remove
from minibank.webhooks.registering import rotate_secret as rotate
from minibank.webhooks.signing import SIGNINGS, Signing, SigningKeys
from minibank.webhooks.urls import require_url

_Event = Annotated[Event, Meta(extra_json_schema={"type": "string"})]
_Policy = Annotated[
    Literal["mondo5", "standard", "stripe72h", "custom"],
    Meta(extra_json_schema={"type": "string"}),
]
_Signature = Annotated[Signing, Meta(extra_json_schema={"type": "string"})]


class OfAccount(Struct):
    """Of which account."""

    account_id: Annotated[str, Meta(description="The account, one of the caller's.")]


class WebhookParameters(Struct, kw_only=True):
    """Where to tell, and what of."""

    account_id: Annotated[str, Meta(description="The account, one of the caller's.")]
    url: Annotated[
        str,
        Meta(
            description="An absolute `http` or `https` URL, kept and called exactly as it is: put"
            " something that nobody can guess into it, and you know who calls.",
            examples=["https://app.example/hooks?key=wEXQbNaJ"],
        ),
    ]
    events: Annotated[
        list[_Event] | UnsetType,
        Meta(description="What to tell of; `transaction.created` unless something is named."),
    ] = wire_field(default=UNSET, name="events[]")
    retry_policy: Annotated[
        _Policy | UnsetType,
        Meta(
            description="How attempts are spaced: `mondo5` (five, the last 43 minutes after the"
            " first), `standard` (ten in 75 hours), `stripe72h` (eleven in 72 hours) or `custom`,"
            " the bank's own. The bank has a default."
        ),
    ] = UNSET
    signature: Annotated[
        _Signature | UnsetType,
        Meta(
            description="`hmac` with a secret of the webhook's own, unless it is said; `ed25519`"
            " with the bank's key, see `/.well-known/webhook-keys`."
        ),
    ] = UNSET
    fifo: Annotated[
        bool | UnsetType,
        Meta(
            description="Strictly in order: nothing is sent before all that came before has ended,"
            " delivered or failed. Otherwise an event that is retried holds up none."
        ),
    ] = UNSET
    show_secret: Annotated[
        bool | UnsetType, Meta(description="Whether the answer is to have the `secret`.")
    ] = UNSET


class ShowSecret(Struct):
    """What to show of a webhook."""

    show_secret: Annotated[
        bool | UnsetType, Meta(description="Whether the answer is to have the `secret`.")
    ] = UNSET


class WireWebhook(Struct):
    """A webhook as its client reads it."""

    id: str
    account_id: str
    url: str
    secret: Annotated[
        str | UnsetType,
        Meta(
            description="Of the signatures: `whsec_` and base64. Only with `show_secret`, and for a"
            " webhook that is signed so."
        ),
    ] = UNSET
    disabled: Annotated[
        Instant | UnsetType,
        Meta(description="When the bank gave the webhook up; no such key while it has not."),
    ] = UNSET


class Webhooks(Struct):
    """All of a client's webhooks on an account, oldest first."""

    webhooks: list[WireWebhook]


class OneWebhook(Struct):
    """One webhook."""

    webhook: WireWebhook


_ID = {"webhook_id": "The webhook's id."}

REGISTER_WEBHOOK = Operation(
    tag="Webhooks",
    summary="Register a webhook",
    description=(
        "Each event is sent to the URL in a request of its own, `POST` with a JSON body of `type`"
        " and `data`. The same URL again is another webhook, and gets everything twice."
    ),
    takes=WebhookParameters,
    answers=OneWebhook,
    refuses=(FORBIDDEN, TOO_MANY_WEBHOOKS, NO_WRITES),
)
LIST_WEBHOOKS = Operation(
    tag="Webhooks",
    summary="List the webhooks of an account",
    description="Those of the calling client, all of them, oldest first.",
    takes=OfAccount,
    answers=Webhooks,
    refuses=(FORBIDDEN,),
)
RETRIEVE_WEBHOOK = Operation(
    tag="Webhooks",
    summary="Retrieve a webhook",
    path=_ID,
    takes=ShowSecret,
    answers=OneWebhook,
    refuses=(NO_WEBHOOK,),
)
DELETE_WEBHOOK = Operation(
    tag="Webhooks",
    summary="Delete a webhook",
    description="It is told of nothing more, and what was still to be sent is dropped.",
    path=_ID,
    answers=Nothing,
    refuses=(NO_WEBHOOK, NO_WRITES),
)
ROTATE_SECRET = Operation(
    tag="Webhooks",
    summary="Change a webhook's secret",
    description="The answer has the new one. For a day the one before signs as well.",
    path=_ID,
    answers=OneWebhook,
    refuses=(NO_WEBHOOK, NO_SECRET, NO_WRITES),
)


async def register_webhook(tx: Tx, call: Call) -> object:
    """POST /webhooks: tell this client of what happens on an account."""
    account_id = call.params.require_text("account_id")
    url = require_url(call.params.require_text("url"))
    events = chosen(call.params.texts("events"))
    policy = call.params.choice("retry_policy", POLICY_NAMES) or ""
    signing = call.params.choice("signature", SIGNINGS) or SIGNINGS[0]
    fifo, shows_secret = call.params.flag("fifo"), call.params.flag("show_secret")
    shard = await require_owned(tx, call, account_id)
    webhook = Webhook(
        shard=shard,
        id=call.draw_id(tx, "webhook", shard),
        account_id=account_id,
        client_id=call.caller.client_id,
        user_id=call.caller.user_id,
        url=url,
        events=events,
        created_at=tx.now,
        policy=policy,
        signing=signing,
        fifo=fifo,
    )
    await register(tx, webhook, call.settings.webhooks_max)
    return OneWebhook(_show(webhook, call.signing if shows_secret else None))


async def list_webhooks(tx: ReadTx, call: Call) -> object:
    """GET /webhooks: this client's webhooks on an account."""
    account_id = call.params.require_text("account_id")
    shard = await require_owned(tx, call, account_id)
    found = await store.list_webhooks(tx, shard, account_id, call.caller.client_id)
    return Webhooks([_show(webhook) for webhook in found])


async def retrieve_webhook(tx: ReadTx, call: Call) -> object:
    """GET /webhooks/{webhook_id}"""
    shows_secret = call.params.flag("show_secret")
    webhook = await require_own(tx, call)
    return OneWebhook(_show(webhook, call.signing if shows_secret else None))


async def delete_webhook(tx: Tx, call: Call) -> object:
    """DELETE /webhooks/{webhook_id}"""
    await remove(tx, await require_own(tx, call))
    return Nothing()


async def rotate_secret(tx: Tx, call: Call) -> object:
    """POST /webhooks/{webhook_id}/rotate_secret"""
    webhook = await rotate(tx, await require_own(tx, call))
    return OneWebhook(_show(webhook, call.signing))


async def require_own(tx: ReadTx, call: Call) -> Webhook:
    """The webhook that the path names, when it is this client's and its account the caller's."""
    webhook_id = call.path["webhook_id"]
    shard = shard_of(webhook_id)
    if shard is None or not is_storable(webhook_id):
        raise no_such_webhook()
    found = await store.find_webhook(tx, shard, webhook_id, call.caller.client_id)
    if found is None or not await is_owner(tx, shard, found.account_id, call.caller.user_id):
        raise no_such_webhook()
    return found


def _show(webhook: Webhook, keys: SigningKeys | None = None) -> WireWebhook:
    """A webhook, with the secret that follows from these keys if it has one."""
    has_secret = keys is not None and webhook.signing == "hmac"
    return WireWebhook(
        webhook.id,
        webhook.account_id,
        webhook.url,
        secret=keys.secret(webhook.id, webhook.secret_version) if keys and has_secret else UNSET,
        disabled=UNSET if webhook.disabled_at is None else format_instant(webhook.disabled_at),
    )
