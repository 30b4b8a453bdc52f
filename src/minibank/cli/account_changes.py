"""`minibank account set-state`, `set-limits`, `close`, `add-owner` and `remove-owner`."""

from typing import Annotated

import typer
from msgspec import UNSET, UnsetType

from minibank.accounts.limits import LimitChanges, set_limits
from minibank.accounts.records import Account
from minibank.cli.accounts import ISSUER, Which, require_line
from minibank.cli.common import (
    FAILED,
    CommandFailed,
    JsonFlag,
    console,
    for_a_bank,
    in_books,
    print_facts,
    print_json,
)
from minibank.cli.users import find_person
from minibank.core.errors import BadParam
from minibank.customers.closing import (
    Closed,
    Closing,
    Payout,
    close_account,
    freeze_account,
    thaw_account,
)
from minibank.customers.owning import add_owner, remove_owner
from minibank.db import Database, Tx
from minibank.payments.commands import Counterparty
from minibank.settings import Loaded

Person = Annotated[str, typer.Argument(metavar="USER", help="A user's id or e-mail address.")]
LIMITLESS = "none"


def _limit_flag(flag: str, words: str) -> object:
    return typer.Option(flag, metavar="MINOR", help=f"{words}, in pence, or {LIMITLESS}.")


async def _close(tx: Tx, closing: Closing) -> Account:
    return (await close_account(tx, closing)).account


@for_a_bank
def set_state(
    loaded: Loaded,
    account: Which,
    state: Annotated[str, typer.Argument(help="open, frozen or closed.")],
) -> None:
    """Freeze, thaw or close an account. Closing is for good, and here for an empty account.

    Examples:

      minibank account set-state acc_0000... frozen
    """

    async def work(tx: Tx) -> Account:
        if state == "closed":
            return await _close(tx, Closing(account_id=account, issuer=ISSUER, id="close"))
        if state not in {"open", "frozen"}:
            raise BadParam("state", "must be one of open, frozen, closed")
        return await (thaw_account if state == "open" else freeze_account)(tx, account)

    changed = in_books(loaded, lambda db: db.transact(work))
    console().print(f"{changed.id} is {changed.state}.")


def _limit(name: str, said: str | None) -> int | UnsetType | None:
    """A limit as the command line says it; `BadParam` for what is no amount."""
    if said is None:
        return UNSET
    if said == LIMITLESS:
        return None
    if not said.isascii() or not said.isdecimal():
        raise BadParam(name, f"must be an amount in pence, or {LIMITLESS}")
    return int(said[:18])


@for_a_bank
def set_limits_(  # noqa: PLR0913, PLR0917 - each is a flag
    loaded: Loaded,
    account: Which,
    payment: Annotated[
        str | None,
        _limit_flag("--payment", "The largest card payment, transfer out or withdrawal of cash"),
    ] = None,
    card_daily: Annotated[
        str | None, _limit_flag("--card-daily", "What cards may spend on one day")
    ] = None,
    transfer_daily: Annotated[
        str | None, _limit_flag("--transfer-daily", "What may be sent out on one day")
    ] = None,
    balance: Annotated[
        str | None, _limit_flag("--balance", "What money from outside may bring it and its pots to")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Change what an account may be used for. The next payment is judged by it.

    Days begin at 04:00 in London, and what was spent before on the same day counts.

    Examples:

      minibank account set-limits acc_0000... --card-daily 50000 --payment none
    """
    changes = LimitChanges(
        payment_max=_limit("payment_max", payment),
        card_daily_max=_limit("card_daily_max", card_daily),
        transfer_daily_max=_limit("transfer_daily_max", transfer_daily),
        balance_max=_limit("balance_max", balance),
    )
    limits = in_books(loaded, lambda db: db.transact(lambda tx: set_limits(tx, account, changes)))
    if as_json:
        print_json(limits)
        return
    line = in_books(loaded, lambda db: db.read(lambda tx: require_line(tx, account)))
    print_facts(line.facts)


@for_a_bank
def close(  # noqa: PLR0913, PLR0917 - each is a flag
    loaded: Loaded,
    account: Which,
    to_account: Annotated[
        str,
        typer.Option(
            "--to-account", metavar="ACCOUNT", help="Send what is left to this account of an owner."
        ),
    ] = "",
    to_name: Annotated[
        str, typer.Option("--to-name", help="Send what is left to this person elsewhere.")
    ] = "",
    to_sort_code: Annotated[str, typer.Option("--to-sort-code", help="Their sort code.")] = "",
    to_number: Annotated[str, typer.Option("--to-number", help="Their account number.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Close an account for good, and send on what is left in the same go.

    Its cards are blocked; its owners go on reading it; its webhooks hear of it and then end.

    Examples:

      minibank account close acc_0000... --to-account acc_0001...

      minibank account close acc_0000... --to-name Ada --to-sort-code 040004 --to-number 12345678
    """
    counterparty = Counterparty(name=to_name, sort_code=to_sort_code, account_number=to_number)
    is_outside = counterparty != Counterparty()
    if is_outside and to_account:
        raise CommandFailed("say --to-account, or where it goes outside", FAILED)
    payout = None
    if is_outside or to_account:
        payout = Payout(account_id=to_account, counterparty=counterparty if is_outside else None)
    closing = Closing(account_id=account, issuer=ISSUER, id=f"close/{account}", payout=payout)
    closed: Closed = in_books(loaded, lambda db: db.transact(lambda tx: close_account(tx, closing)))
    if as_json:
        print_json(closed)
        return
    console().print(f"{closed.account.id} is {closed.account.state}.")
    if closed.payout:
        console().print(f"What was left went out as {closed.payout.transaction_id}.")


@for_a_bank
def add_owner_(loaded: Loaded, account: Which, user: Person) -> None:
    """Make a person an owner of an account, which is then a joint one.

    Examples:

      minibank account add-owner acc_0000... bob@example.com
    """

    async def work(db: Database) -> Account:
        person = await db.read(lambda tx: find_person(tx, user))
        return await db.transact(lambda tx: add_owner(tx, account, person.id))

    _say_whose(in_books(loaded, work))


@for_a_bank
def remove_owner_(loaded: Loaded, account: Which, user: Person) -> None:
    """Take an owner off a joint account. Their cards are blocked, their webhooks on it end.

    The last owner stays: such an account is closed.

    Examples:

      minibank account remove-owner acc_0000... bob@example.com
    """

    async def work(db: Database) -> Account:
        person = await db.read(lambda tx: find_person(tx, user))
        return await db.transact(lambda tx: remove_owner(tx, account, person.id))

    _say_whose(in_books(loaded, work))


def _say_whose(account: Account) -> None:
    names = ", ".join(owner.name for owner in account.owners)
    console().print(f"{account.id} is {names}'s ({account.type}).")
