"""Balances of any address, now or at a past instant, on two axes.

*Booked* asks what the books said at an instant, *happened* what was true at an instant as far as is
known. Together they ask what was known at the one of what was true at the other.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial

import msgspec

from minibank.core.errors import BadParam, NotFound
from minibank.core.ids import shard_of
from minibank.db import Database, ReadTx
from minibank.journal import store
from minibank.journal.store import Sum
from minibank.journal.subtotals.rolling import EVERYWHERE, catch_up, catch_up_shards

NO_BOUND = 2**62
"""Later than every instant."""

SHARDS_AT_A_TIME = 256
"""How many shards one statement adds up, so that none of them takes long in a large bank."""

CUSTOMERS = ("account:main", "account:held", "pot")
"""How the addresses of customers begin; what follows names an account or a pot."""


class Instants(msgspec.Struct, frozen=True):
    """What to count: entries booked by an instant and happened by one (microseconds, included)."""

    booked_by: int = NO_BOUND
    happened_by: int = NO_BOUND


NOW = Instants()
"""All there is."""


class TrialBalance(msgspec.Struct, frozen=True):
    """The sums of the bank's own addresses and of all customers' by kind; `off` is what does not
    cancel out, by currency, and empty when the books balance."""

    customers: list[Sum]
    bank: list[Sum]
    off: dict[str, int]


async def read_account_balances(
    db: Database, account_id: str, instants: Instants = NOW
) -> list[Sum]:
    """By address and currency, what all entries in an account's chain add up to.

    The addresses of the bank are there with what this account did to them, so that all of them
    cancel out. Raises `NotFound`, and `Unavailable` while too many entries are in no subtotal.
    """
    shard = shard_of(account_id)
    if shard is None or await db.read(lambda tx: store.find_account(tx, shard, account_id)) is None:
        raise NotFound("account", "There is no such account")
    await catch_up(db, shard, account_id)
    bounds = instants.booked_by, instants.happened_by
    return await db.read(lambda tx: store.sum_of_account(tx, shard, account_id, *bounds))


async def read_address_balance(db: Database, address: str, instants: Instants = NOW) -> list[Sum]:
    """By currency, what all entries on an address add up to.

    For a customer's address that is one account's entries, for one of the bank's own those of all
    accounts. An address that nothing was ever posted to has no sums. Raises `NotFound` for an
    account that does not exist, `BadParam` for what is no address, and `Unavailable` while too many
    entries are in no subtotal.
    """
    kind, _, name = address.rpartition(":")
    if not kind or not name:
        raise BadParam("address", "is not of the form kind:name")
    if kind.startswith("account:"):
        sums = await read_account_balances(db, name, instants)
        return [one for one in sums if one.address == address]
    shards = _shards_of(kind, name)
    await catch_up_shards(db, shards)
    sums = []
    for some in _some_of(shards):
        sums += await db.read(
            partial(
                store.sum_of_address,
                shards=some,
                address=address,
                booked_by=instants.booked_by,
                happened_by=instants.happened_by,
            )
        )
    return _added(sums)


def _shards_of(kind: str, name: str) -> Sequence[int]:
    """Where entries on an address may be."""
    if kind != "pot":
        return EVERYWHERE
    shard = shard_of(name)
    if shard is None:
        raise NotFound("pot", "There is no such pot")
    return (shard,)


async def read_trial_balance(db: Database, instants: Instants = NOW) -> TrialBalance:
    """The sums of every address of the bank's own and of all customers together.

    Its cost grows with the subtotals of the whole bank: it is a report, not a page. Raises
    `Unavailable` while too many entries are in no subtotal.
    """
    await catch_up_shards(db, EVERYWHERE)
    sums: list[Sum] = []
    for some in _some_of(EVERYWHERE):
        sums += await db.snapshot(partial(_sum_of_shards, shards=some, instants=instants))
    added = _added(sums)
    off: defaultdict[str, int] = defaultdict(int)
    for one in added:
        off[one.currency] += one.amount
    return TrialBalance(
        customers=[one for one in added if one.address in CUSTOMERS],
        bank=[one for one in added if one.address not in CUSTOMERS],
        off={currency: amount for currency, amount in off.items() if amount},
    )


async def _sum_of_shards(tx: ReadTx, shards: Sequence[int], instants: Instants) -> list[Sum]:
    bounds = instants.booked_by, instants.happened_by
    tails = await store.list_tails(tx, shards)
    return [
        *await store.sum_of_shards(tx, shards, *bounds),
        *(await store.sum_of_tails(tx, tails, *bounds) if tails else ()),
    ]


def _added(sums: Iterable[Sum]) -> list[Sum]:
    amounts: defaultdict[tuple[str, str], int] = defaultdict(int)
    for one in sums:
        amounts[one.address, one.currency] += one.amount
    return [Sum(*key, amount) for key, amount in sorted(amounts.items())]


def _some_of(shards: Sequence[int]) -> Iterable[Sequence[int]]:
    """The shards, some at a time."""
    for start in range(0, len(shards), SHARDS_AT_A_TIME):
        yield shards[start : start + SHARDS_AT_A_TIME]
