"""Accounts and cards made quickly, commands for them, and what the bank knows of them read back."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from minibank.accounts.opening import NewAccount, issue_card, open_account
from minibank.accounts.records import AccountType
from minibank.core.ids import shard_of
from minibank.db import Database, ReadTx, Row, Tx
from minibank.identity.users import NewUser, create_user
from minibank.payments.commands import (
    AuthoriseCard,
    Command,
    Counterparty,
    DeletePot,
    DepositIntoPot,
    ExpireAuthorisation,
    IncrementAuthorisation,
    PresentCard,
    ReceiveTransfer,
    RefundCard,
    ReverseAuthorisation,
    SendTransfer,
    TopUp,
    TransferBetween,
    WithdrawFromPot,
)
from minibank.payments.engine import Engine
from minibank.transactions.records import MerchantRecord, TransactionRecord
from minibank.transactions.store import insert_merchants, list_records

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody's account, the card of its first owner, and all owners."""

    account_id: str
    card_id: str
    user_ids: tuple[str, ...]

    @property
    def shard(self) -> int:
        """Where the account's rows live."""
        shard = shard_of(self.account_id)
        assert shard is not None
        return shard


async def open_holders(
    db: Database, count: int, *, owners: int = 1, overdraft_limit: int = 0, currency: str = "GBP"
) -> list[Holder]:
    """So many people (or groups of `owners`), each with an account and a card."""
    numbers = [next(_numbers) for _ in range(count * owners)]
    kind: AccountType = "uk_retail" if owners == 1 else "uk_retail_joint"

    async def work(tx: Tx) -> list[Holder]:
        holders = []
        for first in range(0, len(numbers), owners):
            users = [
                await create_user(tx, NewUser(email=f"p{n}@example.com", name=f"Person {n}"))
                for n in numbers[first : first + owners]
            ]
            new = NewAccount(
                type=kind,
                owners=[user.id for user in users],
                overdraft_limit=overdraft_limit,
                currency=currency,
            )
            account = await open_account(tx, new)
            card = await issue_card(tx, account.id, users[0].id)
            holders.append(Holder(account.id, card.id, tuple(user.id for user in users)))
        return holders

    return await db.transact(work)


async def open_holder(
    db: Database,
    funds: int = 0,
    *,
    owners: int = 1,
    overdraft_limit: int = 0,
    currency: str = "GBP",
) -> Holder:
    """Somebody with an account, a card and `funds` on the account."""
    [holder] = await open_holders(
        db, 1, owners=owners, overdraft_limit=overdraft_limit, currency=currency
    )
    if funds:
        await Engine(db).execute(Orders(f"funds-{holder.account_id}").top_up(holder, funds))
    return holder


class Orders:
    """Makes commands of one issuer, each with an id of its own unless one is given."""

    def __init__(self, issuer: str = "scheme") -> None:
        self.issuer = issuer
        self._numbers = itertools.count(1)

    def _identity(self, holder: Holder, more: dict[str, Any]) -> dict[str, Any]:
        identity = {"issuer": self.issuer, "account_id": holder.account_id}
        return identity | {"id": f"order-{next(self._numbers)}"} | more

    def renamed(self, command: Command) -> Command:
        """The same command once more, under an id of its own."""
        return msgspec.structs.replace(command, id=f"order-{next(self._numbers)}")

    def top_up(self, holder: Holder, amount: int, **more: Any) -> TopUp:
        """Money from outside."""
        return TopUp(amount=amount, **self._identity(holder, more))

    def authorise(self, holder: Holder, amount: int, **more: Any) -> AuthoriseCard:
        """A card payment asked for."""
        more = {"card_id": holder.card_id, "description": "SHOP"} | more
        return AuthoriseCard(amount=amount, **self._identity(holder, more))

    def increment(
        self, holder: Holder, authorisation_id: str, amount: int, **more: Any
    ) -> IncrementAuthorisation:
        """More asked for on the same payment."""
        more = {"authorisation_id": authorisation_id} | more
        return IncrementAuthorisation(amount=amount, **self._identity(holder, more))

    def reverse(
        self, holder: Holder, authorisation_id: str, amount: int | None = None, **more: Any
    ) -> ReverseAuthorisation:
        """A hold given up, whole or in part."""
        more = {"authorisation_id": authorisation_id} | more
        return ReverseAuthorisation(amount=amount, **self._identity(holder, more))

    def expire(self, holder: Holder, authorisation_id: str, **more: Any) -> ExpireAuthorisation:
        """A hold given up by time."""
        more = {"authorisation_id": authorisation_id} | more
        return ExpireAuthorisation(**self._identity(holder, more))

    def present(
        self, holder: Holder, amount: int, authorisation_id: str | None = None, **more: Any
    ) -> PresentCard:
        """The final amount of a payment; without an authorisation, by the holder's card."""
        card = {"card_id": holder.card_id} if authorisation_id is None else {}
        more = {"authorisation_id": authorisation_id, "description": "SHOP"} | card | more
        return PresentCard(amount=amount, **self._identity(holder, more))

    def refund(self, holder: Holder, amount: int, **more: Any) -> RefundCard:
        """Money back from a merchant."""
        return RefundCard(amount=amount, **self._identity(holder, {"description": "SHOP"} | more))

    def receive(self, holder: Holder, amount: int, **more: Any) -> ReceiveTransfer:
        """Money from another bank."""
        more = {"description": "Pay", "counterparty": EMPLOYER} | more
        return ReceiveTransfer(amount=amount, **self._identity(holder, more))

    def send(self, holder: Holder, amount: int, **more: Any) -> SendTransfer:
        """Money to another bank."""
        more = {"description": "Rent", "counterparty": LANDLORD} | more
        return SendTransfer(amount=amount, **self._identity(holder, more))

    def between(self, payer: Holder, payee: Holder, amount: int, **more: Any) -> TransferBetween:
        """Money from one customer to another."""
        more = {"payee_account_id": payee.account_id, "description": "Thanks"} | more
        return TransferBetween(amount=amount, **self._identity(payer, more))

    def deposit(self, holder: Holder, pot_id: str, amount: int, **more: Any) -> DepositIntoPot:
        """Money set aside."""
        more = {"pot_id": pot_id} | more
        return DepositIntoPot(amount=amount, **self._identity(holder, more))

    def withdraw(self, holder: Holder, pot_id: str, amount: int, **more: Any) -> WithdrawFromPot:
        """Money taken out of a pot."""
        more = {"pot_id": pot_id} | more
        return WithdrawFromPot(amount=amount, **self._identity(holder, more))

    def delete_pot(self, holder: Holder, pot_id: str, **more: Any) -> DeletePot:
        """A pot deleted, with all that is in it."""
        return DeletePot(**self._identity(holder, {"pot_id": pot_id} | more))


EMPLOYER = Counterparty(name="Employer Ltd", sort_code="112233", account_number="12345678")
LANDLORD = Counterparty(name="A Landlord", sort_code="445566", account_number="87654321")

SHOP = MerchantRecord(
    id="merch_shop",
    group_id="grp_shop",
    name="Shop",
    logo="",
    emoji="",
    category="groceries",
    online=False,
    atm=False,
    postal_address="{}",
    metadata="{}",
    created_at=0,
    updated_at=0,
)


async def add_merchant(db: Database, merchant: MerchantRecord = SHOP) -> str:
    """A merchant in the catalogue; its id."""
    await db.transact(lambda tx: insert_merchants(tx, [merchant]))
    return merchant.id


@dataclass(frozen=True, slots=True)
class Funds:
    """What an account has, as its balance row says."""

    booked: int
    held: int

    @property
    def available(self) -> int:
        """What may be spent without an overdraft."""
        return self.booked - self.held


async def read_funds(db: Database, holder: Holder) -> Funds:
    """What the holder has."""

    async def work(tx: ReadTx) -> Row | None:
        return await tx.fetch_one(
            "SELECT booked, held FROM balances WHERE shard = $1 AND account_id = $2",
            holder.shard,
            holder.account_id,
        )

    row = await db.read(work)
    assert row is not None
    return Funds(row["booked"], row["held"])


async def read_transaction(db: Database, transaction_id: str | None) -> TransactionRecord:
    """A transaction that must be there."""
    assert transaction_id is not None
    shard = shard_of(transaction_id)
    assert shard is not None
    [record] = await db.read(lambda tx: list_records(tx, [shard], [transaction_id]))
    return record


async def list_history(db: Database, holder: Holder) -> list[TransactionRecord]:
    """All transactions of the account, in the order of its history."""

    async def work(tx: ReadTx) -> list[TransactionRecord]:
        rows = await tx.fetch(
            "SELECT id FROM transactions WHERE shard = $1 AND account_id = $2"
            " ORDER BY created_at, id",
            holder.shard,
            holder.account_id,
        )
        ids = [row["id"] for row in rows]
        records = {one.id: one for one in await list_records(tx, [holder.shard] * len(ids), ids)}
        return [records[one] for one in ids]

    return await db.read(work)


ACCOUNT_TABLES: Mapping[str, str] = {
    "balances": "account_id",
    "entry_sets": "account_id",
    "entries": "account_id",
    "transactions": "account_id",
    "authorisations": "account_id",
    "outcomes": "account_id",
    "pots": "account_id",
    "corrections": "account_id",
    "refunds": "account_id",
    "due_work": "account_id",
    "webhooks": "account_id",
    "deliveries": "account_id",
}
"""The tables that the engine writes, with the column that says whose a row is."""


async def dump_account(db: Database, holder: Holder) -> dict[str, list[tuple[Any, ...]]]:
    """Every row that the engine wrote about an account, to compare before and after."""

    async def work(tx: ReadTx) -> dict[str, list[tuple[Any, ...]]]:
        rows = {}
        for table, column in ACCOUNT_TABLES.items():
            found = await tx.fetch(
                f"SELECT * FROM {table} WHERE shard = $1 AND {column} = $2",
                holder.shard,
                holder.account_id,
            )
            rows[table] = sorted(tuple(row) for row in found)
        return rows

    return await db.snapshot(work)
