"""`minibank account`: the customers' accounts."""

from collections.abc import Sequence
from typing import Annotated, cast, get_args

import msgspec
import typer

from minibank.accounts.numbers import BankCodes, format_iban
from minibank.accounts.opening import NewAccount, open_account, set_overdraft_limit
from minibank.accounts.records import Account, AccountType, LimitName
from minibank.accounts.store import list_accounts, read_accounts
from minibank.app.bank import build_engine
from minibank.cli.common import (
    FAILED,
    LIMIT,
    CommandFailed,
    JsonFlag,
    LimitFlag,
    console,
    day,
    for_a_bank,
    in_books,
    print_facts,
    print_json,
    print_listing,
)
from minibank.cli.store import Funds, list_account_ids, list_funds
from minibank.cli.users import find_person
from minibank.core.errors import NotFound
from minibank.core.ids import shard_of
from minibank.core.money import format_amount
from minibank.db import Database, ReadTx
from minibank.identity.store import User
from minibank.payments.commands import Outcome, TopUp
from minibank.settings import Loaded

app = typer.Typer(
    help="Accounts: open, list, show, set limits or a state, share, close, top up.",
    no_args_is_help=True,
)

Which = Annotated[str, typer.Argument(metavar="ACCOUNT", help="An account's id.")]
ISSUER = "operator"


class AccountLine(msgspec.Struct, frozen=True):
    """An account with its money, as an operator sees it; amounts in minor units."""

    account: Account
    funds: Funds

    @property
    def row(self) -> tuple[str, str, str, str]:
        """The cells of a table."""
        available = self.funds.booked - self.funds.held
        owners = ", ".join(owner.name for owner in self.account.owners)
        balance = format_amount(available, self.account.currency)
        return self.account.id, self.account.type, owners, balance

    @property
    def facts(self) -> dict[str, str]:
        """All that is known, for people."""
        account, funds = self.account, self.funds

        def amount(value: int) -> str:
            return format_amount(value, account.currency)

        return {
            "id": account.id,
            "type": account.type,
            "state": account.state,
            "owners": "\n".join(f"{one.name} ({one.user_id})" for one in account.owners),
            "sort code": account.sort_code,
            "account number": account.account_number,
            "IBAN": format_iban(account.iban),
            "balance": amount(funds.booked - funds.held),
            "of it held": amount(funds.held),
            "overdraft": amount(funds.overdraft_limit),
            **{
                name.replace("_", " "): amount(limit)
                for name in get_args(LimitName)
                if (limit := getattr(funds, name)) is not None
            },
            "opened": day(account.created_at),
        }

    @property
    def json(self) -> object:
        """All that is known, for scripts."""
        return {**msgspec.to_builtins(self.account), **msgspec.to_builtins(self.funds)}


async def list_lines(tx: ReadTx, account_ids: Sequence[str]) -> list[AccountLine]:
    """Those of these accounts that exist."""
    accounts = await read_accounts(tx, account_ids)
    shards = {shard for shard in map(shard_of, account_ids) if shard is not None}
    funds = await list_funds(tx, sorted(shards), list(account_ids))
    return [AccountLine(account, funds[account.id]) for account in accounts]


async def require_line(tx: ReadTx, account_id: str) -> AccountLine:
    found = await list_lines(tx, [account_id])
    if not found:
        raise NotFound("account", f"there is no account {account_id}")
    return found[0]


@app.command("open")
@for_a_bank
def open_(
    loaded: Loaded,
    owner: Annotated[
        list[str],
        typer.Option("--owner", metavar="USER", help="A user's id or e-mail; repeat it to share."),
    ],
    type_: Annotated[
        str | None,
        typer.Option(
            "--type", help="uk_retail or uk_retail_joint. Default: by the number of owners."
        ),
    ] = None,
    overdraft: Annotated[
        int, typer.Option("--overdraft", metavar="MINOR", help="Overdraft limit, in pence.")
    ] = 0,
    currency: Annotated[str, typer.Option("--currency", help="An ISO 4217 code.")] = "GBP",
    as_json: JsonFlag = False,
) -> None:
    """Open an account for one person, or for several.

    Examples:

      minibank account open --owner ada@example.com

      minibank account open --owner ada@example.com --owner bob@example.com --overdraft 50000
    """
    codes = BankCodes(loaded.settings.sort_code, loaded.settings.bic)
    kind = type_ or ("uk_retail" if len(owner) == 1 else "uk_retail_joint")

    async def find_owners(tx: ReadTx) -> list[User]:
        return [await find_person(tx, who) for who in owner]

    async def work(db: Database) -> AccountLine:
        people = await db.read(find_owners)
        shard = shard_of(people[0].id)
        assert shard is not None, "a user who exists has a shard"
        new = NewAccount(
            type=cast(AccountType, kind),
            owners=[person.id for person in people],
            currency=currency,
            overdraft_limit=overdraft,
            id=db.ids.new("acc", shard, db.clock.now()),
        )
        account = await db.transact(lambda tx: open_account(tx, new, codes))
        return await db.read(lambda tx: require_line(tx, account.id))

    line = in_books(loaded, work)
    print_json(line.json) if as_json else print_facts(line.facts)


@app.command("list")
@for_a_bank
def list_(
    loaded: Loaded,
    user: Annotated[
        str | None, typer.Option("--user", metavar="USER", help="Only this person's accounts.")
    ] = None,
    limit: LimitFlag = LIMIT,
    as_json: JsonFlag = False,
) -> None:
    """List accounts, in no particular order."""

    async def work(tx: ReadTx) -> list[AccountLine]:
        if user is None:
            return await list_lines(tx, await list_account_ids(tx, limit))
        person = await find_person(tx, user)
        owned = await list_accounts(tx, person.id)
        return await list_lines(tx, [account.id for account in owned])

    lines = in_books(loaded, lambda db: db.read(work))
    headings = ("id", "type", "owners", "balance")
    things = [line.json for line in lines]
    print_listing(headings, [line.row for line in lines], things, limit, as_json=as_json)


@app.command("show")
@for_a_bank
def show(loaded: Loaded, account: Which, as_json: JsonFlag = False) -> None:
    """Show one account with its balance."""
    line = in_books(loaded, lambda db: db.read(lambda tx: require_line(tx, account)))
    print_json(line.json) if as_json else print_facts(line.facts)


@app.command("set-overdraft")
@for_a_bank
def set_overdraft(
    loaded: Loaded,
    account: Which,
    limit: Annotated[int, typer.Argument(metavar="MINOR", help="The new limit, in pence.")],
) -> None:
    """Change how far an account may be overdrawn. The next payment is judged by it.

    Examples:

      minibank account set-overdraft acc_0000... 50000
    """

    async def work(db: Database) -> AccountLine:
        await db.transact(lambda tx: set_overdraft_limit(tx, account, limit))
        return await db.read(lambda tx: require_line(tx, account))

    line = in_books(loaded, work)
    amount = format_amount(line.funds.overdraft_limit, line.account.currency)
    console().print(f"{account} may be overdrawn by {amount}.")


@app.command("top-up")
@for_a_bank
def top_up(
    loaded: Loaded,
    account: Which,
    amount: Annotated[int, typer.Argument(metavar="MINOR", help="How much, in pence.")],
    command_id: Annotated[
        str,
        typer.Option("--id", help="The same id again does nothing more: for scripts that retry."),
    ] = "",
    description: Annotated[str, typer.Option("--description", help="What it says.")] = "Top up",
    as_json: JsonFlag = False,
) -> None:
    """Make money appear on an account of a sandbox bank.

    Examples:

      minibank account top-up acc_0000... 100000
    """
    if loaded.settings.mode != "sandbox":
        raise CommandFailed("money appears from nowhere only in a sandbox bank", FAILED)

    async def work(db: Database) -> tuple[Outcome, str]:
        line = await db.read(lambda tx: require_line(tx, account))
        command = TopUp(
            issuer=ISSUER,
            account_id=account,
            id=command_id or db.ids.secret(12).hex(),
            amount=amount,
            description=description,
        )
        outcome = await build_engine(db, loaded.settings).execute(command)
        return outcome, line.account.currency

    outcome, currency = in_books(loaded, work)
    if as_json:
        print_json(outcome)
        return
    balance = format_amount(outcome.balance, currency)
    console().print(f"{outcome.transaction_id}: {balance} are available now.", soft_wrap=True)
