"""Pots as they are stored."""

from typing import Literal, get_args

import msgspec

PREFIX = "pot"

LockType = Literal["until_date", "added_security"]
LOCK_TYPES: tuple[LockType, ...] = get_args(LockType)
"""Until an instant, or until somebody unlocks it: the customer's app asks for more than a token."""

UNTIL_DATE: LockType = "until_date"
ADDED_SECURITY: LockType = "added_security"


class Pot(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `pots`, in the order of its columns.

    `balance` is what it holds and `goal_amount` what it is to hold one day, in minor units of the
    account's currency. `lock_type` is empty or a `LockType`; only `until_date` comes with
    `locked_until`. Instants are microseconds. A deleted pot is empty, and stays.
    """

    shard: int
    id: str
    account_id: str
    name: str
    style: str = ""
    goal_amount: int | None = None
    balance: int = 0
    lock_type: str = ""
    locked_until: int | None = None
    created_at: int
    updated_at: int
    deleted_at: int | None = None

    def is_locked(self, now: int) -> bool:
        """Whether nothing may be taken out; a lock until an instant ends by itself."""
        if self.lock_type == UNTIL_DATE:
            return self.locked_until is not None and self.locked_until > now
        return self.lock_type != ""


COLUMNS = Pot.__struct_fields__
