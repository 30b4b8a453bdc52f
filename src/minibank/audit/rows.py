"""The rows an audit reads, as they are stored."""

from dataclasses import dataclass, field

from minibank.ledger.entries import Entry
from minibank.payments.commands import Outcome


@dataclass(frozen=True, slots=True)
class BalanceRow:
    """An account with its cached balance; None where the balance row is missing."""

    shard: int
    account_id: str
    type: str
    currency: str
    booked: int | None
    held: int | None
    overdraft_limit: int | None
    last_created_at: int | None
    chain_length: int | None
    chain_head: bytes | None


@dataclass(slots=True)
class SetRow:
    """An entry set as stored, with its entries as stored."""

    account_id: str
    sequence: int
    id: str
    code: str
    transaction_id: str
    forced: int
    happened_at: int
    booked_at: int
    previous_hash: bytes
    hash: bytes
    entries: list[Entry] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TransactionRow:
    """What an audit needs of a transaction; `metadata` of refunds only."""

    account_id: str
    id: str
    created_at: int
    settled_at: int | None
    kind: str
    amount: int
    currency: str
    local_amount: int
    local_currency: str
    account_balance: int
    dedupe_id: str
    include_in_spending: int
    amount_is_pending: int
    decline_reason: str | None
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class AuthorisationRow:
    """An authorisation; `due_at` is when its expiry falls due, None when none is planned.

    `has_card` says whether its card is one of the account's.
    """

    account_id: str
    id: str
    transaction_id: str
    state: str
    held: int
    expires_at: int
    due_at: int | None
    has_card: bool


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """What was answered to a command and when; `outcome` is None when it cannot be read."""

    command_id: str
    command: str
    outcome: Outcome | None
    decided_at: int


@dataclass(frozen=True, slots=True)
class OwnerRow:
    """One owner of an account."""

    account_id: str
    user_id: str
    position: int
