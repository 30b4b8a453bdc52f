"""`minibank listen`: webhooks on a developer's own machine, without a tunnel."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from minibank.accounts.records import Account
from minibank.accounts.store import read_accounts
from minibank.app.books import open_books, read_bank
from minibank.app.listening import (
    HOST,
    KEY_BYTES,
    WAIT_SECONDS,
    Arrived,
    Ear,
    is_sent_by_nobody,
    register,
    remove,
    remove_left,
)
from minibank.app.server import stopping
from minibank.app.server_keys import find_keys
from minibank.cli.common import FAILED, CommandFailed, JsonFlag, for_a_bank
from minibank.cli.listen_lines import Lines, Listened
from minibank.cli.store import list_open_account_ids
from minibank.core.clock import SystemClock
from minibank.core.errors import NotFound
from minibank.db import Database, DatabaseError, ReadTx
from minibank.oauth.records import Client
from minibank.oauth.store import find_client, list_clients
from minibank.sandbox.demo import find_demo
from minibank.settings import Loaded, Settings
from minibank.webhooks.delivering.egress import Egress
from minibank.webhooks.events import EVENTS, chosen
from minibank.webhooks.records import Webhook
from minibank.webhooks.signing import SigningKeys
from minibank.webhooks.urls import require_url

if TYPE_CHECKING:
    from minibank.app.forwarding import Forwarder

ACCOUNTS_MAX = 20
"""How many accounts are listened to when none is named, and how many may be."""
LOOK_SECONDS = 1.0
REMOVE_SECONDS = 10.0
ALL = "all"

NOBODY_SENDS = (
    "deliveries wait and no process of the bank sends them: start `minibank serve`, or"
    " `minibank worker` if webhooks_sent_by_serve is off"
)


@for_a_bank
def listen(
    loaded: Loaded,
    forward_to: Annotated[
        str | None,
        typer.Option(
            "--forward-to",
            metavar="URL",
            help="Hand every delivery on to this address, and its answer back.",
        ),
    ] = None,
    account: Annotated[
        list[str] | None,
        typer.Option(
            "--account",
            metavar="ACCOUNT",
            help=f"Listen to this account; repeatable. Default: all open ones, up to"
            f" {ACCOUNTS_MAX}.",
        ),
    ] = None,
    client: Annotated[
        str | None,
        typer.Option(
            "--client",
            metavar="CLIENT",
            help="As which client. Default: the demo's, or the only one there is.",
        ),
    ] = None,
    events: Annotated[
        list[str] | None,
        typer.Option(
            "--events",
            metavar="EVENT",
            help="What to be told of, or all; repeatable. Default: transaction.created.",
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Have a sandbox bank's webhooks come to this machine until Ctrl-C or SIGTERM.

    Each delivery is printed and, with --forward-to, handed on with the very bytes and signature
    that the bank sends. What the address answers is what the bank is told, so a failure is tried
    again as in real life, and what is sent again arrives here too. The bank runs in another process
    of this machine. With --json the secrets come first and then a line for each delivery.

    Examples:

      minibank listen --forward-to http://localhost:3000/hook

      minibank listen --account acc_0000... --events all --json
    """
    if loaded.settings.mode != "sandbox":
        raise CommandFailed("only a sandbox bank calls this machine", FAILED)
    wanted = Wanted(
        target=None if forward_to is None else require_url(forward_to),
        account_ids=tuple(dict.fromkeys(account or ())),
        client_id=client,
        events=chosen(EVENTS if ALL in (events or ()) else events or ()),
    )
    lines = Lines(SystemClock(), wanted.target, as_json)
    asyncio.run(_listen(loaded.settings, wanted, lines))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be listened to, and where it goes."""

    target: str | None
    account_ids: tuple[str, ...]
    client_id: str | None
    events: tuple[str, ...]


async def _listen(settings: Settings, wanted: Wanted, lines: Lines) -> None:
    from minibank.app.forwarding import Forwarder  # noqa: PLC0415 - slow

    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(open_books(settings))
        client = await db.read(lambda tx: _choose_client(tx, wanted.client_id))
        accounts = await db.read(lambda tx: _choose_accounts(tx, wanted.account_ids, lines))
        stack.enter_context(stopping(lambda _: stop.set()))
        left = await remove_left(db)
        if left:
            lines.warn(f"removed {_webhooks(left)} that an earlier run left behind")
        key = db.ids.secret(KEY_BYTES).hex()
        forwarder = Forwarder(key, wanted.target, _teller(lines, stop), SystemClock())
        port = await stack.enter_async_context(forwarder.listening())
        _require_callable(settings, port)
        hearing = Hearing(db, settings, lines)
        try:
            await hearing.begin(Ear(port, key), client, accounts, wanted.events)
            watch = asyncio.create_task(hearing.watch(forwarder))
            await stop.wait()
            watch.cancel()
            await asyncio.wait([watch])
        finally:
            await hearing.end()


def _teller(lines: Lines, stop: asyncio.Event) -> Callable[[Arrived], None]:
    """Prints what came; when nobody reads that any more, there is nothing to listen for."""

    def tell(arrived: Arrived) -> None:
        try:
            lines.tell(arrived)
        except BrokenPipeError:
            stop.set()

    return tell


@dataclass(slots=True)
class Hearing:
    """The webhooks of this process, from when they are registered until they are gone."""

    db: Database
    settings: Settings
    lines: Lines
    webhooks: list[Webhook] = field(default_factory=list)

    async def begin(
        self, ear: Ear, client: Client, accounts: Sequence[Account], events: tuple[str, ...]
    ) -> None:
        """Register a webhook for each account, and say with which secrets they sign."""
        keys = SigningKeys.of(find_keys(self.settings))
        listened = []
        for account in accounts:
            webhooks_max = self.settings.webhooks_max
            webhook = await register(self.db, ear, account, client.id, events, webhooks_max)
            self.webhooks.append(webhook)
            secret = keys.secret(webhook.id, webhook.secret_version)
            listened.append(Listened(account, webhook, secret))
        self.lines.begin(listened, client.name)

    async def watch(self, forwarder: "Forwarder") -> None:
        """Say when deliveries wait and nobody sends them, once until something comes again."""
        clock, has_said = SystemClock(), False
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                waits = await is_sent_by_nobody(self.db, self.webhooks, clock)
            except DatabaseError:
                continue
            waits = waits and forwarder.quiet_seconds > WAIT_SECONDS
            if waits and not has_said:
                self.lines.warn(NOBODY_SENDS)
            has_said = waits

    async def end(self) -> None:
        """Remove the webhooks that there are, and say so."""
        count = len(self.webhooks)
        if not count:
            return
        try:
            async with asyncio.timeout(REMOVE_SECONDS):
                await remove(self.db, self.webhooks)
        except (DatabaseError, TimeoutError):
            self.lines.warn(f"{_webhooks(count)} could not be removed: the next start does it")
        else:
            self.lines.warn(f"stopped, and removed {_webhooks(count)}")


def _webhooks(count: int) -> str:
    return f"{count} webhook{'' if count == 1 else 's'}"


async def _choose_client(tx: ReadTx, client_id: str | None) -> Client:
    """The named client, the demo's, or the only one that is in use."""
    if client_id is None:
        bank = await read_bank(tx)
        demo = None if bank.seed is None else await find_demo(tx, bank.seed)
        client_id = demo.client_id if demo else await _only_client(tx)
    found = await find_client(tx, client_id)
    if found is None or found.disabled_at is not None:
        raise NotFound("client", f"there is no client {client_id} that is in use")
    return found


async def _only_client(tx: ReadTx) -> str:
    in_use = [one for one in await list_clients(tx) if one.disabled_at is None]
    if not in_use:
        raise CommandFailed("the bank has no client: `minibank client create` makes one")
    if len(in_use) > 1:
        raise CommandFailed(f"the bank has {len(in_use)} clients: say which with --client")
    return in_use[0].id


async def _choose_accounts(
    tx: ReadTx, account_ids: Sequence[str], lines: Lines
) -> Sequence[Account]:
    """The named accounts, or all that are open, up to `ACCOUNTS_MAX`."""
    if len(account_ids) > ACCOUNTS_MAX:
        raise CommandFailed(f"{ACCOUNTS_MAX} accounts at most", FAILED)
    wanted = account_ids or await list_open_account_ids(tx, ACCOUNTS_MAX + 1)
    if not account_ids and len(wanted) > ACCOUNTS_MAX:
        lines.warn(f"the first {ACCOUNTS_MAX} accounts: name others with --account")
        wanted = wanted[:ACCOUNTS_MAX]
    found = {account.id: account for account in await read_accounts(tx, wanted)}
    for account_id in wanted:
        if account_id not in found or found[account_id].state == "closed":
            raise NotFound("account", f"there is no account {account_id} that is not closed")
    if not found:
        raise CommandFailed("the bank has no open account: `minibank account open` opens one")
    return [found[one] for one in wanted]


def _require_callable(settings: Settings, port: int) -> None:
    """Refuse to listen where the bank would not call."""
    egress = Egress.of(settings.webhook_networks, settings.webhook_ports)
    if not egress.permits(HOST, port):
        raise CommandFailed(
            f"this bank does not call port {port} of {HOST}: see webhook_networks and"
            " webhook_ports",
            FAILED,
        )
