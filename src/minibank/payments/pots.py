"""Pots: each command's whole effect, in one function each.

The money stays within the account and its chain; only its address changes. An overdraft feeds no
pot: what is set aside is there.
"""

import msgspec

from minibank.core.errors import Forbidden, InsufficientFunds, NotFound
from minibank.core.ids import IdSource
from minibank.ledger.entries import main, pot
from minibank.payments.commands import DeletePot, DepositIntoPot, Outcome, WithdrawFromPot
from minibank.payments.drafts import Draft, draft_posting, draft_transaction
from minibank.payments.effects import Effect
from minibank.payments.picture import Account, Picture
from minibank.pots.records import Pot
from minibank.transactions.records import Kind, TransactionRecord

SCHEME = "uk_retail_pot"
CATEGORY = "savings"
_PREFIXES = {"pot_deposit": "potdep", "pot_withdrawal": "potwdr"}

PotCommand = DepositIntoPot | WithdrawFromPot | DeletePot


def deposit_into_pot(command: DepositIntoPot, picture: Picture, ids: IdSource) -> Effect:
    """Set money aside; `InsufficientFunds` leaves nothing behind."""
    account = picture.open_account(command.account_id)
    found = picture.pot(command.pot_id, account)
    _require_owner(picture, account, command.user_id)
    happened_at = picture.happened_at(command, account)
    if command.amount > account.available:
        raise InsufficientFunds("You can't deposit more than your current account balance")
    draft = _draft(picture, ids, command, found, -command.amount, happened_at)
    transaction = draft_transaction(account, ids, draft)
    return Effect(
        _answer(account, -command.amount, transaction),
        entry_sets=draft_posting(
            picture,
            ids,
            transaction,
            (main(account.id), -command.amount),
            (pot(found.id), command.amount),
            code="pot_deposit",
            happened_at=happened_at,
        ),
        transactions=(transaction,),
        pots=(_with_balance(found, found.balance + command.amount, happened_at),),
    )


def withdraw_from_pot(command: WithdrawFromPot, picture: Picture, ids: IdSource) -> Effect:
    """Take money out of a pot; `InsufficientFunds` and `Forbidden` leave nothing behind."""
    account = picture.open_account(command.account_id)
    found = picture.pot(command.pot_id, account)
    _require_owner(picture, account, command.user_id)
    _require_unlocked(picture, found)
    happened_at = picture.happened_at(command, account)
    if command.amount > found.balance:
        raise InsufficientFunds("You can't withdraw more than the pot holds")
    draft = _draft(picture, ids, command, found, command.amount, happened_at)
    transaction = draft_transaction(account, ids, draft)
    return Effect(
        _answer(account, command.amount, transaction),
        entry_sets=draft_posting(
            picture,
            ids,
            transaction,
            (pot(found.id), -command.amount),
            (main(account.id), command.amount),
            code="pot_withdrawal",
            happened_at=happened_at,
        ),
        transactions=(transaction,),
        pots=(_with_balance(found, found.balance - command.amount, happened_at),),
    )


def delete_pot(command: DeletePot, picture: Picture, ids: IdSource) -> Effect:
    """Give back what a pot holds, and delete it; an empty one makes no transaction.

    An empty pot goes whatever its account's state is: nothing moves.
    """
    account = picture.account(command.account_id)
    found = picture.pot(command.pot_id, account)
    _require_unlocked(picture, found)
    happened_at = picture.happened_at(command, account)
    emptied = _with_balance(found, 0, happened_at)
    gone = msgspec.structs.replace(
        emptied, lock_type="", locked_until=None, deleted_at=emptied.updated_at
    )
    if not found.balance:
        return Effect(Outcome(status="done", balance=account.available), pots=(gone,))
    picture.open_account(account.id)
    draft = _draft(picture, ids, command, found, found.balance, happened_at)
    transaction = draft_transaction(account, ids, draft)
    return Effect(
        _answer(account, found.balance, transaction),
        entry_sets=draft_posting(
            picture,
            ids,
            transaction,
            (pot(found.id), -found.balance),
            (main(account.id), found.balance),
            code="pot_withdrawal",
            happened_at=happened_at,
        ),
        transactions=(transaction,),
        pots=(gone,),
    )


def _require_owner(picture: Picture, account: Account, user_id: str) -> None:
    """`NotFound` for somebody who is no owner (any more): to them the account has no pot."""
    if user_id and not picture.is_owner(account, user_id):
        raise NotFound("pot", "The account has no such pot")


def _require_unlocked(picture: Picture, found: Pot) -> None:
    if found.is_locked(picture.instant):
        raise Forbidden("forbidden.added_security", "The pot is locked: nothing can be taken out")


def _draft(
    picture: Picture,
    ids: IdSource,
    command: PotCommand,
    found: Pot,
    amount: int,
    happened_at: int,
) -> Draft:
    """A move as its account sees it: `amount` is what the account gets, negative for a deposit."""
    account = picture.account(found.account_id)
    if isinstance(command, DeletePot):
        user_id, external_id, trigger = "", "", "pot_deletion"
    else:
        user_id, external_id = command.user_id, command.external_id
        trigger = "user" if user_id else "bank"
    kind: Kind = "pot_deposit" if amount < 0 else "pot_withdrawal"
    return Draft(
        kind=kind,
        amount=amount,
        happened_at=happened_at,
        description=found.id,
        scheme=SCHEME,
        dedupe_id=command.id,
        category=CATEGORY,
        metadata={
            "pot_id": found.id,
            "pot_account_id": found.account_id,
            f"{kind}_id": ids.new(_PREFIXES[kind], found.shard, happened_at),
            "external_id": external_id or command.id,
            "trigger": trigger,
        },
        user_id=picture.told_user(account, user_id),
        originator=user_id != "",
        include_in_spending=False,
    )


def _with_balance(found: Pot, balance: int, happened_at: int) -> Pot:
    updated_at = max(happened_at, found.updated_at)
    return msgspec.structs.replace(found, balance=balance, updated_at=updated_at)


def _answer(account: Account, change: int, transaction: TransactionRecord) -> Outcome:
    balance = account.available + change
    return Outcome(status="done", balance=balance, transaction_id=transaction.id)
