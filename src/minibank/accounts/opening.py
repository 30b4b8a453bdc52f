"""Open accounts, issue cards, and change what the money engine decides by.

Whatever the engine reads (limits, card and account state, owners) is changed under the lock of the
account's balance row, which is taken first: a decision sees it all before or all after.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import get_args

import msgspec

from minibank.accounts import store
from minibank.accounts.holding import lock_account
from minibank.accounts.limits import LimitChanges, set_limits
from minibank.accounts.numbers import BankCodes, iban_of, with_check_digit
from minibank.accounts.records import (
    Account,
    AccountState,
    AccountType,
    Card,
    CardState,
    Owner,
)
from minibank.core.errors import BadParam, Conflict, InternalService, NotFound
from minibank.core.ids import IdSource, shard_of
from minibank.core.instants import from_datetime, to_datetime
from minibank.core.money import AMOUNT_MAX, require_currency
from minibank.db import Tx
from minibank.identity.users import hold_users
from minibank.ledger.chain import GENESIS

OWNERS_MAX = 10
CARD_YEARS = 4
NUMBER_ATTEMPTS_MAX = 100
"""How many numbers are tried for a new account: the space would have to be all but full to fail."""


class NewAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account to be opened: `owners` are ids of users, `overdraft_limit` is in minor units.

    A personal account has one owner, a joint account two or more. `id` may be drawn beforehand, in
    the shard of the first owner: a unit of work that runs again then finds its own account.
    """

    type: AccountType
    owners: Sequence[str]
    currency: str = "GBP"
    overdraft_limit: int = 0
    id: str = ""


async def open_account(
    tx: Tx, new: NewAccount, codes: BankCodes | None = None, ids: IdSource | None = None
) -> Account:
    """Open an account in its first owner's shard, with a number that no other account has.

    `codes` are the bank's own when not the default ones; `ids` stands in for the bank's source.
    Raises `BadParam` for owners, a currency or a limit that will not do.
    """
    codes, ids = codes or BankCodes(), ids or tx.ids
    _require_new(new)
    owners = await _read_owners(tx, new.owners)
    shard = shard_of(new.owners[0])
    assert shard is not None, "the owners exist"
    account_id = new.id or ids.new("acc", shard, tx.now)
    assert shard_of(account_id) == shard, "an account lives where its first owner does"
    already = await store.find_account(tx, account_id) if new.id else None
    if already is not None:
        return already
    account_number = await _claim_number(tx, codes.sort_code, account_id, ids)
    account = Account(
        id=account_id,
        type=new.type,
        state="open",
        currency=new.currency,
        sort_code=codes.sort_code,
        account_number=account_number,
        iban=iban_of(codes, account_number),
        created_at=tx.now,
        closed_at=None,
        owners=owners,
    )
    await store.insert_account(tx, shard, account, new.overdraft_limit, GENESIS)
    return account


def _require_new(new: NewAccount) -> None:
    if new.type not in get_args(AccountType):
        raise BadParam("type", f"must be one of {', '.join(get_args(AccountType))}")
    if len(set(new.owners)) != len(new.owners):
        raise BadParam("owners", "must not name anybody twice")
    if new.type == "uk_retail_joint":
        if not 2 <= len(new.owners) <= OWNERS_MAX:
            raise BadParam("owners", f"of a joint account must be two to {OWNERS_MAX}")
    elif len(new.owners) != 1:
        raise BadParam("owners", "of a personal account must be one")
    require_currency(new.currency)
    _require_limit(new.overdraft_limit)


def _require_limit(limit: int) -> None:
    if not 0 <= limit <= AMOUNT_MAX:
        raise BadParam("overdraft_limit", "is out of range")


async def _read_owners(tx: Tx, user_ids: Sequence[str]) -> tuple[Owner, ...]:
    users = await hold_users(tx, user_ids)
    for user_id in user_ids:
        if user_id not in users:
            raise BadParam("owners", f"names no user: {user_id}")
    return tuple(
        Owner(user_id, users[user_id].name, users[user_id].preferred_first_name)
        for user_id in user_ids
    )


async def _claim_number(tx: Tx, sort_code: str, account_id: str, ids: IdSource) -> str:
    for _ in range(NUMBER_ATTEMPTS_MAX):
        drawn = int.from_bytes(ids.secret(8)) % 10**7
        number = with_check_digit(drawn)
        if number and await store.claim_account_number(tx, sort_code, number, account_id):
            return number
    raise InternalService


async def issue_card(
    tx: Tx, account_id: str, user_id: str, card_id: str = "", ids: IdSource | None = None
) -> Card:
    """Issue an active card to an owner of an account that is not closed.

    `card_id` may be drawn beforehand, in the account's shard. Raises `NotFound`, `BadParam` for
    somebody who is no owner, `Conflict` for a closed account.
    """
    ids = ids or tx.ids
    shard, account = await lock_account(tx, account_id)
    if account.state == "closed":
        raise Conflict("conflict.account_not_open", "The account is closed")
    if not any(owner.user_id == user_id for owner in account.owners):
        raise BadParam("user_id", "is not an owner of the account")
    already = await store.find_card(tx, card_id) if card_id else None
    if already is not None:
        return already
    card = Card(
        id=card_id or ids.new("card", shard, tx.now),
        account_id=account_id,
        user_id=user_id,
        state="active",
        last_four=f"{int.from_bytes(ids.secret(4)) % 10_000:04d}",
        expires_at=card_expiry(tx.now),
        created_at=tx.now,
    )
    await store.insert_card(tx, shard, card)
    return card


def card_expiry(now: int) -> int:
    """When a card issued now expires: with its month, four years on (UTC, microseconds)."""
    moment = to_datetime(now)
    years, month = divmod(moment.month, 12)
    return from_datetime(datetime(moment.year + CARD_YEARS + years, month + 1, 1, tzinfo=UTC))


async def set_card_state(tx: Tx, card_id: str, state: CardState) -> Card:
    """Activate, deactivate or block a card.

    Raises `NotFound`, `BadParam` for no such state, and `Conflict` for the card of a closed account
    or of somebody who owns it no more, which stays blocked.
    """
    if state not in get_args(CardState):
        raise BadParam("state", f"must be one of {', '.join(get_args(CardState))}")
    found = await store.find_card(tx, card_id)
    if found is None:
        raise NotFound("card", "There is no such card")
    shard, account = await lock_account(tx, found.account_id)
    if state != "blocked" and (account.state == "closed" or found.user_id not in account.owner_ids):
        raise Conflict(
            "conflict.card_has_ended", "The card is of a closed account or a former owner"
        )
    await store.update_card_state(tx, shard, card_id, state)
    return msgspec.structs.replace(found, state=state)


async def set_overdraft_limit(tx: Tx, account_id: str, limit: int) -> None:
    """Change how far an account may be overdrawn, in minor units: see `set_limits`."""
    await set_limits(tx, account_id, LimitChanges(overdraft_limit=limit))


async def set_account_state(tx: Tx, account_id: str, state: AccountState) -> Account:
    """Freeze, thaw or close an account; closing is for good, for an empty account, and blocks its
    cards.

    Raises `NotFound`, `BadParam` for no such state, and `Conflict`.
    """
    if state not in get_args(AccountState):
        raise BadParam("state", f"must be one of {', '.join(get_args(AccountState))}")
    shard, account = await lock_account(tx, account_id)
    if account.state == state:
        return account
    if account.state == "closed":
        raise Conflict("conflict.account_not_open", "The account is closed")
    if state == "closed" and (
        await store.read_funds(tx, shard, account_id) != (0, 0)
        or await store.read_in_pots(tx, shard, account_id)
    ):
        raise Conflict("conflict.account_not_empty", "The account holds money or owes some")
    closed_at = tx.now if state == "closed" else None
    await store.update_account_state(tx, shard, account_id, state, closed_at)
    if state == "closed":
        await store.block_cards(tx, shard, account_id)
    return msgspec.structs.replace(account, state=state, closed_at=closed_at)
