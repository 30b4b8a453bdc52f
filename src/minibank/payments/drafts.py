"""Build the rows that effects are made of."""

import msgspec

from minibank.core.errors import BadParam
from minibank.core.ids import IdSource
from minibank.core.money import require_amount, require_currency
from minibank.ledger.entries import EntrySet, main, moves
from minibank.payments.commands import Counterparty, Outcome
from minibank.payments.effects import Effect
from minibank.payments.picture import Account, Picture
from minibank.transactions.records import DeclineReason, Kind, TransactionRecord


class Local(msgspec.Struct, frozen=True, kw_only=True):
    """What was charged in the merchant's currency, with the transaction's sign."""

    amount: int
    currency: str


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What a command knows of its new transaction; the account supplies the rest."""

    kind: Kind
    amount: int
    happened_at: int
    description: str
    scheme: str
    dedupe_id: str
    local: Local | None = None
    merchant_id: str | None = None
    category: str = "general"
    metadata: dict[str, str] = {}
    counterparty: Counterparty | None = None
    user_id: str = ""
    is_load: bool = False
    originator: bool = False
    include_in_spending: bool = True
    pending: bool = False
    decline_reason: DeclineReason | None = None


def draft_transaction(account: Account, ids: IdSource, draft: Draft) -> TransactionRecord:
    """The new transaction, placed after everything the account has.

    `created` never repeats within an account: commit order is then (created, id) order, and a
    client that walks the pages misses nothing.
    """
    created_at = max(draft.happened_at, account.last_created_at + 1)
    moved = 0 if draft.decline_reason else draft.amount
    waits = draft.pending or draft.decline_reason is not None
    local = local_or_own(draft.local, draft.amount, account.currency)
    return TransactionRecord(
        shard=account.shard,
        id=ids.new("tx", account.shard, created_at),
        account_id=account.id,
        created_at=created_at,
        updated_at=created_at,
        settled_at=None if waits else created_at,
        kind=draft.kind,
        amount=draft.amount,
        currency=account.currency,
        local_amount=local.amount,
        local_currency=local.currency,
        account_balance=account.available + moved,
        description=draft.description,
        merchant_id=draft.merchant_id,
        category=draft.category,
        notes="",
        metadata=_json(draft.metadata),
        counterparty=_json(draft.counterparty or {}),
        scheme=draft.scheme,
        dedupe_id=draft.dedupe_id,
        user_id=draft.user_id,
        is_load=draft.is_load,
        originator=draft.originator,
        include_in_spending=draft.include_in_spending and draft.decline_reason is None,
        amount_is_pending=draft.pending and draft.decline_reason is None,
        decline_reason=draft.decline_reason,
    )


def draft_posting(
    picture: Picture,
    ids: IdSource,
    transaction: TransactionRecord,
    *amounts: tuple[str, int],
    code: str,
    happened_at: int,
    forced: bool = False,
) -> tuple[EntrySet, ...]:
    """The balanced entry set over (address, amount) pairs; none when nothing moves."""
    entries = moves(transaction.currency, *amounts)
    if not entries:
        return ()
    return (
        EntrySet(
            id=ids.new("entryset", transaction.shard, happened_at),
            account_id=transaction.account_id,
            code=code,
            transaction_id=transaction.id,
            forced=forced,
            happened_at=happened_at,
            booked_at=picture.instant,
            entries=entries,
        ),
    )


def booked(  # noqa: PLR0913 - what a command knows of it
    picture: Picture,
    ids: IdSource,
    account: Account,
    draft: Draft,
    against: str,
    *,
    code: str,
    happened_at: int,
    forced: bool = False,
) -> Effect:
    """A new transaction whose amount moves between `against` and what its account has to spend.

    Its sign says which way; who gives stands first in the entry set, which `happened_at` then.
    """
    transaction = draft_transaction(account, ids, draft)
    amounts = [(against, -draft.amount), (main(account.id), draft.amount)]
    return Effect(
        Outcome(
            status="done",
            balance=account.available + draft.amount,
            transaction_id=transaction.id,
        ),
        entry_sets=draft_posting(
            picture,
            ids,
            transaction,
            *(amounts if draft.amount > 0 else reversed(amounts)),
            code=code,
            happened_at=happened_at,
            forced=forced,
        ),
        transactions=(transaction,),
    )


def local_money(amount: int | None, currency: str | None, sign: int) -> Local | None:
    """A command's local money with its sign; `BadParam` when only half of it is said."""
    if amount is None and currency is None:
        return None
    if amount is None or amount < 0:
        raise BadParam("local_amount", "must be given with local_currency, and not be negative")
    if currency is None:
        raise BadParam("local_currency", "must be given with local_amount")
    return Local(
        amount=sign * require_amount(amount, "local_amount"),
        currency=require_currency(currency, "local_currency"),
    )


def local_or_own(local: Local | None, amount: int, currency: str) -> Local:
    """The local money of a transaction of `amount`: the amount itself unless it was foreign."""
    if local is None or local.currency == currency:
        return Local(amount=amount, currency=currency)
    return local


def local_after(transaction: TransactionRecord, amount: int, charged: int | None = None) -> int:
    """The signed local amount when the transaction's amount becomes `amount`.

    `charged` is what the scheme says was charged in all, as a magnitude; without it the local
    amount keeps its proportion, rounded half away from zero. `BadParam` when it is out of range.
    """
    if transaction.local_currency == transaction.currency:
        return amount
    if charged is not None:
        if charged < 0:
            raise BadParam("local_amount", "is more than was charged")
        return -require_amount(charged, "local_amount")
    if transaction.amount == 0:
        return 0
    doubled = 2 * transaction.local_amount * amount
    whole, rest = divmod(abs(doubled), 2 * abs(transaction.amount))
    rounded = whole + (2 * rest >= 2 * abs(transaction.amount))
    return -rounded if doubled * transaction.amount < 0 else rounded


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
