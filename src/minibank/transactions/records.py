"""Transactions, annotations and merchants as they are stored."""

from typing import Literal

import msgspec

Kind = Literal[
    "card",
    "refund",
    "chargeback",
    "top_up",
    "transfer_in",
    "transfer_out",
    "transfer_return",
    "cash_in",
    "cash_out",
    "fee",
    "adjustment",
    "pot_deposit",
    "pot_withdrawal",
]
DeclineReason = Literal[
    "INSUFFICIENT_FUNDS", "CARD_INACTIVE", "CARD_BLOCKED", "INVALID_CVC", "OTHER"
]


class TransactionRecord(msgspec.Struct, kw_only=True, frozen=True):
    """One row of `transactions`, in the order of its columns.

    `amount` and `local_amount` carry their sign (a debit is negative). `account_balance` is what
    was available right after the decision, a snapshot that is never computed again. `metadata` and
    `counterparty` are JSON objects of strings; instants are microseconds. Every change of the row
    advances `version`. `attachments` says how many it has.
    """

    shard: int
    id: str
    account_id: str
    created_at: int
    updated_at: int
    settled_at: int | None
    kind: Kind
    amount: int
    currency: str
    local_amount: int
    local_currency: str
    account_balance: int
    description: str
    merchant_id: str | None
    category: str
    notes: str
    metadata: str
    counterparty: str
    scheme: str
    dedupe_id: str
    user_id: str
    is_load: bool
    originator: bool
    include_in_spending: bool
    amount_is_pending: bool
    decline_reason: str | None
    version: int = 1
    attachments: int = 0


COLUMNS = TransactionRecord.__struct_fields__
CHANGING = (
    "updated_at",
    "settled_at",
    "amount",
    "local_amount",
    "local_currency",
    "include_in_spending",
    "amount_is_pending",
    "version",
)
"""The columns that a later event of a card payment may change."""


class AnnotatedTransaction(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A transaction and what one client keeps on it: what a page reads of each, in this order.

    Besides the annotation it is a `TransactionRecord`, where yes and no are 1 and 0, as stored.
    """

    shard: int
    id: str
    account_id: str
    created_at: int
    updated_at: int
    settled_at: int | None
    amount: int
    currency: str
    local_amount: int
    local_currency: str
    account_balance: int
    description: str
    merchant_id: str | None
    category: str
    notes: str
    metadata: str
    counterparty: str
    scheme: str
    dedupe_id: str
    user_id: str
    is_load: int
    originator: int
    include_in_spending: int
    amount_is_pending: int
    decline_reason: str | None
    attachments: int
    annotations: str | None
    annotated_at: int | None


class VersionedTransaction(AnnotatedTransaction, array_like=True, frozen=True, gc=False):
    """The same with the versions of both; `annotation_version` is None without an annotation."""

    version: int
    annotation_version: int | None


class Annotation(msgspec.Struct, kw_only=True, frozen=True):
    """What one client keeps on one transaction; `metadata` is a JSON object of strings."""

    shard: int
    transaction_id: str
    client_id: str
    metadata: str
    updated_at: int


class NoteChange(msgspec.Struct, kw_only=True, frozen=True):
    """One change of the note that a transaction's readers share: who, when and what was before.

    `version` is the transaction's version that the change made.
    """

    shard: int
    transaction_id: str
    version: int
    user_id: str
    client_id: str
    changed_at: int
    notes_before: str


class MerchantRecord(msgspec.Struct, kw_only=True, frozen=True):
    """One row of `merchants`, in the order of its columns.

    `postal_address` and `metadata` are JSON objects as they stand on the wire. A `logo` that begins
    with a slash lies below the bank's own address.
    """

    id: str
    group_id: str
    name: str
    logo: str
    emoji: str
    category: str
    online: bool
    atm: bool
    postal_address: str
    metadata: str
    created_at: int
    updated_at: int
