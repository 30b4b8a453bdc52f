"""Tell webhooks what became of an account: `account.*` events."""

from typing import Annotated

import msgspec
from msgspec import Meta

from minibank.accounts.records import Account, AccountState, AccountType
from minibank.core.ids import shard_of
from minibank.core.instants import format_instant
from minibank.core.wire import Instant
from minibank.db import Tx
from minibank.webhooks.announcing import Happening, announce
from minibank.webhooks.events import Event


class AccountEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An account after something became of it."""

    id: str
    type: AccountType
    state: AccountState
    closed: bool
    owners: Annotated[list[str], Meta(description="The owners' ids.")]
    at: Instant


async def tell(tx: Tx, account: Account, event: Event) -> None:
    """Tell the webhooks that asked for it; the account is held."""
    shard = shard_of(account.id)
    assert shard is not None, "the account exists"
    data = AccountEvent(
        id=account.id,
        type=account.type,
        state=account.state,
        closed=account.state == "closed",
        owners=list(account.owner_ids),
        at=format_instant(tx.now),
    )
    happening = Happening(shard=shard, account_id=account.id, event=event, subject=account.id)
    await announce(tx, happening, lambda _: data)
