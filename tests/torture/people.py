"""Whom a bank under torture serves: holders of accounts, and the programs that act for them."""

from dataclasses import dataclass

from minibank.app.books import open_books
from minibank.db import Database, Tx
from minibank.identity.store import find_user
from minibank.identity.users import set_password_hash
from minibank.payments.engine import Engine
from minibank.settings import Settings
from tests.support.banking import Holder, Orders, open_holders
from tests.support.people import App, new_app, password_hash
from tests.support.pots import open_pot

FUNDS = 4_000
OVERDRAFT = 500
ACCOUNTS = 4
APPS = 12
FIRST_TRANSACTIONS = 5


@dataclass(frozen=True, slots=True)
class People:
    """Holders, and in the same order their e-mail addresses and first transactions; programs.

    `pots` has the pot of each account.
    """

    holders: list[Holder]
    emails: list[str]
    transactions: list[list[str]]
    apps: list[App]
    pots: dict[str, str]

    @property
    def funds(self) -> int:
        """What each began with."""
        return FUNDS * FIRST_TRANSACTIONS


async def move_in(database: str) -> People:
    """Make a bank and its people, before anybody tortures it."""
    async with open_books(Settings(database=database), creates=True) as db:
        holders = await open_holders(db, ACCOUNTS, overdraft_limit=OVERDRAFT)
        transactions = [await _fund(db, one) for one in holders]
        emails = [await _let_sign_in(db, one) for one in holders]
        apps = [await new_app(db, f"App {number}") for number in range(APPS)]
        pots = {one.account_id: await open_pot(db, one) for one in holders}
        return People(holders, emails, transactions, apps, pots)


async def _fund(db: Database, holder: Holder) -> list[str]:
    """The first money, by several transactions; their ids."""
    orders, engine = Orders(f"funding-{holder.account_id}"), Engine(db)
    outcomes = [
        await engine.execute(orders.top_up(holder, FUNDS)) for _ in range(FIRST_TRANSACTIONS)
    ]
    return [one.transaction_id or "" for one in outcomes]


async def _let_sign_in(db: Database, holder: Holder) -> str:
    """Give the first owner the password of all tests; the address to sign in with."""
    user_id = holder.user_ids[0]

    async def work(tx: Tx) -> str:
        await set_password_hash(tx, user_id, password_hash())
        user = await find_user(tx, user_id)
        assert user is not None, "it was made with the account"
        return user.email

    return await db.transact(work)
