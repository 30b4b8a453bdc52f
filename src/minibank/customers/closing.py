"""Freeze an account, thaw it, close it.

Closing is one unit of work under the account's lock: what is left goes where it was told to, cards
are blocked, whoever asked is told, and nothing can come in between. Owners go on reading a closed
account. Its webhooks hear of the end and are removed when they have; what comes and asks
(`/events`) stays.
"""

import msgspec

from minibank.accounts import store
from minibank.accounts.holding import hold_accounts, lock_account
from minibank.accounts.limits import lift_limits
from minibank.accounts.opening import set_account_state
from minibank.accounts.records import Account, AccountState
from minibank.core.errors import BadParam, BankError, Conflict
from minibank.core.ids import shard_of
from minibank.customers.announcing import tell
from minibank.db import ReadTx, Tx
from minibank.payments.batch import Rules, run_batch
from minibank.payments.commands import (
    COMMAND_NAMES,
    Counterparty,
    Outcome,
    SendTransfer,
    TransferBetween,
)
from minibank.payments.prepared import prepare
from minibank.payments.store import has_open_dispute, list_recorded
from minibank.webhooks.ending import plan_ending
from minibank.webhooks.events import ACCOUNT_CLOSED, ACCOUNT_FROZEN, ACCOUNT_THAWED

DESCRIPTION = "Account closed"


class Payout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where what is left goes: to another account of an owner, or to one at another bank."""

    account_id: str = ""
    counterparty: Counterparty | None = None
    description: str = DESCRIPTION


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """An account to be closed: who asks for it, under which id, and where what is left goes.

    `issuer` and `id` are those of the command that pays it out.
    """

    account_id: str
    issuer: str
    id: str
    payout: Payout | None = None


class Closed(msgspec.Struct, frozen=True):
    """A closed account, and what was answered to the payout; None when there was none."""

    account: Account
    payout: Outcome | None


async def freeze_account(tx: Tx, account_id: str) -> Account:
    """Let nothing out of an account until it is thawed; `NotFound`, `Conflict` when closed."""
    return await _turn(tx, account_id, "frozen")


async def thaw_account(tx: Tx, account_id: str) -> Account:
    """Undo a freeze; `NotFound`, `Conflict` when the account is closed."""
    return await _turn(tx, account_id, "open")


async def _turn(tx: Tx, account_id: str, state: AccountState) -> Account:
    _, before = await lock_account(tx, account_id)
    account = await set_account_state(tx, account_id, state)
    if account.state != before.state:
        await tell(tx, account, ACCOUNT_FROZEN if state == "frozen" else ACCOUNT_THAWED)
    return account


async def close_account(tx: Tx, closing: Closing) -> Closed:
    """Close an account for good; one that is closed already stays so.

    Raises `NotFound`; `Conflict` for one that holds money for card payments or in pots, is
    overdrawn, has money and nowhere to send it, or is frozen and has money; and what is wrong with
    the payout.
    """
    payee = closing.payout.account_id if closing.payout else ""
    # Both at once and in order: two that close into each other would wait for each other.
    await hold_accounts(tx, [closing.account_id, payee])
    shard, account = await lock_account(tx, closing.account_id)
    if account.state == "closed":
        return Closed(account, await find_payout(tx, closing))
    amount = await _require_closable(tx, shard, account, closing)
    outcome = None
    if amount and closing.payout:
        # They end with the account: what is left goes whatever they were.
        await lift_limits(tx, shard, account.id)
        outcome = await _pay_out(tx, account, closing, amount)
    account = await set_account_state(tx, account.id, "closed")
    await tell(tx, account, ACCOUNT_CLOSED)
    await plan_ending(tx, shard, account.id)
    return Closed(account, outcome)


async def find_payout(tx: ReadTx, closing: Closing) -> Outcome | None:
    """What was answered to the payout of an account that exists; None when there was none.

    Another command under the same id is none: what was done under it before is not the payout.
    """
    if closing.payout is None:
        return None
    shard = shard_of(closing.account_id)
    assert shard is not None, "the account exists"
    key = (shard, closing.account_id, closing.issuer, closing.id)
    recorded = await list_recorded(tx, [key])
    kind = COMMAND_NAMES[type(payout_command(closing, 0))]
    return next((one.outcome for one in recorded if one.command == kind), None)


async def _require_closable(tx: Tx, shard: int, account: Account, closing: Closing) -> int:
    """What is to be paid out, in minor units; `Conflict` when the account cannot be closed."""
    booked, held = await store.read_funds(tx, shard, account.id)
    if held:
        raise Conflict("conflict.account_has_holds", "Card payments are not over")
    if await has_open_dispute(tx, shard, account.id):
        # Lost, it takes back what nobody is there to owe any more.
        raise Conflict("conflict.dispute_open", "A dispute about a card payment is open")
    if await store.read_in_pots(tx, shard, account.id):
        raise Conflict("conflict.pots_hold_money", "Pots of the account hold money")
    if booked < 0:
        raise Conflict("conflict.account_overdrawn", "The account is overdrawn")
    if booked and closing.payout is None:
        raise Conflict("conflict.account_not_empty", "It holds money: name a payout")
    if booked and account.state == "frozen":
        raise Conflict("conflict.account_not_open", "The account is frozen and holds money")
    return booked


async def _pay_out(tx: Tx, account: Account, closing: Closing, amount: int) -> Outcome:
    command = payout_command(closing, amount)
    if isinstance(command, TransferBetween):
        payee = await store.find_account(tx, command.payee_account_id)
        if payee is None or not set(payee.owner_ids) & set(account.owner_ids):
            raise BadParam("payout", "must name another account of an owner")
    # A transfer holds nothing and suspends nothing, so that it does not matter by which rules.
    [answer] = await run_batch(tx, [prepare(command)], Rules())
    if isinstance(answer, BankError):
        raise answer
    return answer


def payout_command(closing: Closing, amount: int) -> SendTransfer | TransferBetween:
    """What pays an account out, `amount` in minor units; `BadParam` for no place."""
    payout = closing.payout
    if payout is None or (payout.counterparty is None) == (not payout.account_id):
        raise BadParam("payout", "must name either an account or a counterparty")
    if payout.counterparty == Counterparty():
        raise BadParam("counterparty", "must say who is paid")
    if payout.counterparty is not None:
        return SendTransfer(
            issuer=closing.issuer,
            account_id=closing.account_id,
            id=closing.id,
            amount=amount,
            description=payout.description,
            counterparty=payout.counterparty,
        )
    return TransferBetween(
        issuer=closing.issuer,
        account_id=closing.account_id,
        id=closing.id,
        payee_account_id=payout.account_id,
        amount=amount,
        description=payout.description,
    )
