"""Webhooks: register, list, retrieve, delete."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec import field as wire_field

from minibank.accounts.store import is_owner
from minibank.api.catalogue import FORBIDDEN, NO_WEBHOOK, NO_WRITES, TOO_MANY_WEBHOOKS
from minibank.api.endpoint import Call
from minibank.api.operation import Nothing, Operation
from minibank.api.requests import is_storable
from minibank.core.ids import shard_of
from minibank.db import ReadTx, Tx
from minibank.webhooks import store
from minibank.webhooks.events import Event, chosen
from minibank.webhooks.records import Webhook
from minibank.webhooks.registering import no_such_webhook
from minibank.webhooks.registering import register_webhook as register
from minibank.webhooks.registering import remove_webhook as remove
from minibank.webhooks.urls import require_url

_Event = Annotated[Event, Meta(extra_json_schema={"type": "string"})]


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


class WireWebhook(Struct):
    """A webhook as its client reads it."""

    id: str
    account_id: str
    url: str


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


async def register_webhook(tx: Tx, call: Call) -> object:
    """POST /webhooks: tell this client of what happens on an account."""
    account_id = call.params.require_text("account_id")
    url = require_url(call.params.require_text("url"))
    events = chosen(call.params.texts("events"))
    shard = await _require_owned(tx, call, account_id)
    webhook = Webhook(
        shard=shard,
        id=call.draw_id(tx, "webhook", shard),
        account_id=account_id,
        client_id=call.caller.client_id,
        user_id=call.caller.user_id,
        url=url,
        events=events,
        created_at=tx.now,
    )
    await register(tx, webhook, call.settings.webhooks_max)
    return OneWebhook(_show(webhook))


async def list_webhooks(tx: ReadTx, call: Call) -> object:
    """GET /webhooks: this client's webhooks on an account."""
    account_id = call.params.require_text("account_id")
    shard = await _require_owned(tx, call, account_id)
    found = await store.list_webhooks(tx, shard, account_id, call.caller.client_id)
    return Webhooks([_show(webhook) for webhook in found])


async def retrieve_webhook(tx: ReadTx, call: Call) -> object:
    """GET /webhooks/{webhook_id}"""
    return OneWebhook(_show(await _require_own(tx, call)))


async def delete_webhook(tx: Tx, call: Call) -> object:
    """DELETE /webhooks/{webhook_id}"""
    await remove(tx, await _require_own(tx, call))
    return Nothing()


async def _require_owned(tx: ReadTx, call: Call, account_id: str) -> int:
    """The shard of an account that is the caller's."""
    shard = call.require_shard(account_id)
    if not await is_owner(tx, shard, account_id, call.caller.user_id):
        raise call.forbidden()
    return shard


async def _require_own(tx: ReadTx, call: Call) -> Webhook:
    """The webhook that the path names, when it is this client's and its account the caller's."""
    webhook_id = call.path["webhook_id"]
    shard = shard_of(webhook_id)
    if shard is None or not is_storable(webhook_id):
        raise no_such_webhook()
    found = await store.find_webhook(tx, shard, webhook_id, call.caller.client_id)
    if found is None or not await is_owner(tx, shard, found.account_id, call.caller.user_id):
        raise no_such_webhook()
    return found


def _show(webhook: Webhook) -> WireWebhook:
    return WireWebhook(webhook.id, webhook.account_id, webhook.url)
