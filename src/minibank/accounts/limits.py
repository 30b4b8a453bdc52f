"""What an account may be used for: changed here, under its lock, and judged by the money engine."""

import msgspec
from msgspec import UNSET, UnsetType

from minibank.accounts import store
from minibank.accounts.balance import day_start
from minibank.accounts.holding import lock_account
from minibank.accounts.records import Limits
from minibank.core.errors import BadParam, Conflict
from minibank.core.money import AMOUNT_MAX
from minibank.db import Tx


class LimitChanges(msgspec.Struct, frozen=True, kw_only=True):
    """The limits that are to be others, in minor units; None takes one away. See `Limits`."""

    overdraft_limit: int | UnsetType = UNSET
    payment_max: int | UnsetType | None = UNSET
    card_daily_max: int | UnsetType | None = UNSET
    transfer_daily_max: int | UnsetType | None = UNSET
    balance_max: int | UnsetType | None = UNSET

    def applied_to(self, limits: Limits) -> Limits:
        """The limits after the change; `BadParam` for one that is out of range."""
        changes = {
            name: value
            for name in self.__struct_fields__
            if (value := getattr(self, name)) is not UNSET
        }
        for name, value in changes.items():
            if value is not None and not 0 <= value <= AMOUNT_MAX:
                raise BadParam(name, f"must be between 0 and {AMOUNT_MAX}")
        return msgspec.structs.replace(limits, **changes)


async def set_limits(tx: Tx, account_id: str, changes: LimitChanges) -> Limits:
    """Change what an account may be used for; the next payment is judged by it.

    What was spent on the present day counts from the beginning of that day. A balance that is
    beyond a new maximum stays, and grows no further. Raises `NotFound`, `BadParam` for a limit out
    of range, and `Conflict` for a closed account or one overdrawn by more than the new limit.
    """
    shard, account = await lock_account(tx, account_id)
    if account.state == "closed":
        raise Conflict("conflict.account_not_open", "The account is closed")
    before = await store.read_limits(tx, shard, account_id)
    after = changes.applied_to(before)
    if after.overdraft_limit != before.overdraft_limit:
        booked, held = await store.read_funds(tx, shard, account_id)
        if booked - held < -after.overdraft_limit:
            raise Conflict(
                "conflict.overdraft_in_use", "The account is overdrawn by more than that"
            )
    spent = None
    if after.count_days and not before.count_days:
        day = day_start(tx.now)
        spent = await store.read_spent(tx, shard, account_id, day)
    await store.update_limits(tx, shard, account_id, after, spent)
    return after


async def lift_limits(tx: Tx, shard: int, account_id: str) -> None:
    """Take all limits of an account away that is held, but for the overdraft."""
    limits = await store.read_limits(tx, shard, account_id)
    await store.update_limits(tx, shard, account_id, Limits(overdraft_limit=limits.overdraft_limit))
