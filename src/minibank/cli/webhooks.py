"""`minibank webhooks`: where clients are told, whether it arrives, and sending again."""

from typing import Annotated

import typer

from minibank.cli.common import (
    FAILED,
    LIMIT,
    CommandFailed,
    JsonFlag,
    LimitFlag,
    console,
    day,
    for_a_bank,
    harmless,
    in_books,
    print_json,
    print_listing,
)
from minibank.core.errors import BadParam
from minibank.core.ids import SHARDS, shard_of
from minibank.core.instants import format_instant
from minibank.db import Database, ReadTx, Tx
from minibank.settings import Loaded
from minibank.webhooks.delivering.policies import Policies
from minibank.webhooks.events import EVENTS
from minibank.webhooks.history import store
from minibank.webhooks.history.places import LAST, find_place
from minibank.webhooks.history.resending import (
    PER_SECOND,
    PER_SECOND_MAX,
    Resent,
    no_such_delivery,
    resend,
    resend_from,
)
from minibank.webhooks.history.store import Registered, Told
from minibank.webhooks.history.testing import send_test
from minibank.webhooks.records import DELIVERY_STATES, STREAM, DeliveryState, Webhook
from minibank.webhooks.registering import no_such_webhook

app = typer.Typer(
    help="Webhooks: list, what each was told and whether it arrived, send again, test.",
    no_args_is_help=True,
)

Which = Annotated[str, typer.Argument(metavar="WEBHOOK", help="A webhook's id.")]

PENDING: DeliveryState = "pending"
FAILED_ONES: DeliveryState = "failed"
ALL = "all"


async def require_registered(tx: ReadTx, webhook_id: str) -> Registered:
    """The webhook with this id, whichever client's it is; `NotFound` when there is none."""
    shard = shard_of(webhook_id)
    found = None if shard is None else await store.find_registered(tx, shard, webhook_id)
    if found is None:
        raise no_such_webhook()
    return found


async def require_told(tx: ReadTx, webhook: Webhook, which: str) -> Told:
    """The delivery with this id or number; `NotFound` when the webhook has none."""
    number = await find_place(tx, webhook, "delivery", which)
    found = await store.list_told(tx, webhook, number - 1, min(number + 1, LAST), 1)
    if not found:
        raise no_such_delivery()
    return found[0]


def _state(one: Registered) -> tuple[str, int | None]:
    """How a webhook fares, and since when."""
    if one.webhook.disabled_at is not None:
        return "disabled", one.webhook.disabled_at
    return ("live" if one.failing_since is None else "failing"), one.failing_since


def _place(webhook: Webhook, *, shows_url: bool) -> str:
    if webhook.url == STREAM:
        return "kept for /events"
    return webhook.url if shows_url else webhook.place


def _events(webhook: Webhook) -> str:
    return "all" if {*webhook.events} == {*EVENTS} else " ".join(webhook.events)


def _json(one: Registered, default_policy: str, *, shows_url: bool) -> dict[str, object]:
    webhook, (state, since) = one.webhook, _state(one)
    return {
        "id": webhook.id,
        "account_id": webhook.account_id,
        "client_id": webhook.client_id,
        "url" if shows_url else "place": _place(webhook, shows_url=shows_url),
        "events": webhook.events,
        "retry_policy": webhook.policy or default_policy,
        "signature": webhook.signing,
        "fifo": webhook.fifo,
        "state": state,
        "since": None if since is None else format_instant(since),
        "next_sequence": one.next_sequence,
    }


def _row(one: Registered, default_policy: str, *, shows_url: bool) -> tuple[str, ...]:
    webhook, (state, since) = one.webhook, _state(one)
    return (
        webhook.id,
        webhook.account_id,
        webhook.client_id,
        harmless(_place(webhook, shows_url=shows_url)),
        _events(webhook),
        f"{webhook.policy or default_policy}{' fifo' if webhook.fifo else ''}",
        state if since is None else f"{state} since {day(since)}",
        str(one.next_sequence),
    )


_HEADINGS = ("id", "account", "client", "place", "events", "policy", "state", "next number")


@app.command("list")
@for_a_bank
def list_(
    loaded: Loaded,
    account: Annotated[
        str, typer.Option("--account", metavar="ACCOUNT", help="Only those on this account.")
    ] = "",
    client: Annotated[
        str, typer.Option("--client", metavar="CLIENT", help="Only those of this client.")
    ] = "",
    show_url: Annotated[
        bool,
        typer.Option("--show-url", help="Show whole addresses: they may hold their clients' keys."),
    ] = False,
    limit: LimitFlag = LIMIT,
    as_json: JsonFlag = False,
) -> None:
    """List webhooks of all clients, and whether what is sent to them arrives.

    An address is a secret of its client's and is shown as scheme and host.

    Examples:

      minibank webhooks list

      minibank webhooks list --account acc_0000...
    """
    shard = shard_of(account)
    shards = (0, SHARDS - 1) if shard is None else (shard, shard)
    found = in_books(
        loaded,
        lambda db: db.read(lambda tx: store.list_registered(tx, shards, account, client, limit)),
    )
    policy = Policies.from_settings(loaded.settings).default
    rows = [_row(one, policy, shows_url=show_url) for one in found]
    things = [_json(one, policy, shows_url=show_url) for one in found]
    print_listing(_HEADINGS, rows, things, limit, as_json=as_json)


@app.command("resend")
@for_a_bank
def resend_(  # noqa: PLR0913, PLR0917 - each is a flag
    loaded: Loaded,
    webhook: Which,
    delivery: Annotated[
        str | None,
        typer.Argument(metavar="DELIVERY", help="The id or number of one delivery."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="NUMBER|INSTANT",
            help="All from this number, delivery id or instant on.",
        ),
    ] = None,
    state: Annotated[
        str | None,
        typer.Option("--state", help="failed, cancelled, delivered or all. Default: failed."),
    ] = None,
    per_second: Annotated[
        int | None,
        typer.Option(
            "--per-second",
            min=1,
            max=PER_SECOND_MAX,
            help=f"How many become due in a second. Default: {PER_SECOND}.",
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Send one delivery again, or all since a number or an instant: the same bytes, the same ids.

    A webhook that the bank gave up is told again from then on, when all since are sent.

    Examples:

      minibank webhooks resend webhook_0000... 17

      minibank webhooks resend webhook_0000... --since 2026-03-10T12:00:00Z --state all
    """
    if delivery is not None:
        if (since, state, per_second) != (None, None, None):
            raise CommandFailed("one DELIVERY, or all --since: not both", FAILED)
        count = in_books(loaded, lambda db: _resend_one(db, webhook, delivery))
    elif since is None:
        raise CommandFailed("which: name a DELIVERY, or say since when with --since", FAILED)
    else:
        chosen, rate = _chosen(state), per_second or PER_SECOND
        count = in_books(loaded, lambda db: _resend_since(db, webhook, since, chosen, rate))
    if as_json:
        print_json({"webhook_id": webhook, "resent": count})
    else:
        console().print(f"{count} {'is' if count == 1 else 'are'} sent again.")


def _chosen(state: str | None) -> DeliveryState | None:
    """The state that was asked for; None is all."""
    if state == ALL:
        return None
    if state is not None and (state not in DELIVERY_STATES or state == PENDING):
        raise BadParam("state", "must be failed, cancelled, delivered or all")
    return state or FAILED_ONES


async def _resend_one(db: Database, webhook_id: str, which: str) -> int:
    async def work(tx: Tx) -> int:
        webhook = (await require_registered(tx, webhook_id)).webhook
        await resend(tx, webhook, await require_told(tx, webhook, which))
        return 1

    return await db.transact(work)


async def _resend_since(
    db: Database, webhook_id: str, since: str, state: DeliveryState | None, per_second: int
) -> int:
    """Page by page, so that no unit of work is long; what comes meanwhile is not waited for."""

    async def begin(tx: ReadTx) -> tuple[Registered, int]:
        registered = await require_registered(tx, webhook_id)
        return registered, await find_place(tx, registered.webhook, "since", since)

    async def page(tx: Tx, first: int, ahead: int) -> Resent:
        webhook = (await require_registered(tx, webhook_id)).webhook
        return await resend_from(tx, webhook, first, state, per_second, ahead)

    registered, place = await db.read(begin)
    count = 0
    following: int | None = place
    while following is not None and following < registered.next_sequence:
        first, ahead = following, count
        resent = await db.transact(lambda tx: page(tx, first, ahead))  # noqa: B023 - run at once
        count, following = count + resent.count, resent.next
    return count


@app.command("test")
@for_a_bank
def send_a_test(loaded: Loaded, webhook: Which, as_json: JsonFlag = False) -> None:
    """Send a webhook an event of the type webhook.test, with a number like any other.

    Examples:

      minibank webhooks test webhook_0000...
    """

    async def work(db: Database) -> Told:
        found = (await db.read(lambda tx: require_registered(tx, webhook))).webhook
        # Drawn here, so that a unit of work that runs again finds its own delivery.
        delivery_id = db.ids.new("delivery", found.shard, db.clock.now())
        return await db.transact(lambda tx: send_test(tx, found, delivery_id))

    told = in_books(loaded, work)
    if as_json:
        said = {"id": told.id, "webhook_id": webhook, "sequence": told.sequence}
        print_json({**said, "event": told.event, "state": told.state})
        return
    becomes = (
        f"is to be sent; `minibank webhooks delivery {webhook} {told.sequence}` shows what came"
        if told.state == PENDING
        else "is not sent, because the bank gave this webhook up"
    )
    console().print(f"{told.id}, number {told.sequence}, {becomes}.", soft_wrap=True)
