"""What a decision does: values that say everything a command changes."""

from typing import Literal

import msgspec

from minibank.ledger.entries import EntrySet
from minibank.payments.commands import Outcome
from minibank.pots.records import Pot
from minibank.transactions.records import TransactionRecord

AuthorisationState = Literal["open", "presented", "reversed", "expired"]

EXPIRY = "authorisation_expiry"
"""The kind of due work that ends a hold nobody presented."""

SUSPENSE_RETURN = "suspense_return"
"""The kind of due work that sends what is in suspense back to where it came from."""


class Authorisation(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `authorisations`: a hold on an account's money; `held` is what it still holds."""

    shard: int
    id: str
    account_id: str
    card_id: str
    transaction_id: str
    state: AuthorisationState
    held: int
    expires_at: int


CorrectionKind = Literal[
    "return", "rejection", "sent_back", "fee_reversal", "chargeback", "suspense"
]
CorrectionState = Literal["open", "done", "won", "lost"]


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `corrections`: what followed a transaction, which happens to each at most once.

    `transaction_id` is the one that it is about, `correction_id` the one that corrects it, where
    there is one. `amount` is a magnitude in minor units. Disputes and suspense begin open.
    `return_at` is when what is in suspense goes back by itself (microseconds), None for never.
    """

    shard: int
    transaction_id: str
    account_id: str
    kind: CorrectionKind
    state: CorrectionState
    amount: int
    correction_id: str | None
    changed_at: int
    return_at: int | None = None


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `refunds`: what the transaction `refund_id` gave back of the payment
    `transaction_id`, in minor units."""

    shard: int
    transaction_id: str
    refund_id: str
    account_id: str
    amount: int
    booked_at: int


class Effect(msgspec.Struct, frozen=True):
    """The whole effect of one command.

    `transactions`, `authorisations` and `pots` are their new state; the first two may be new. A new
    transaction is its own feed item. What webhooks are told follows from all this, see
    `minibank.payments.announcements`.
    """

    outcome: Outcome
    entry_sets: tuple[EntrySet, ...] = ()
    transactions: tuple[TransactionRecord, ...] = ()
    authorisations: tuple[Authorisation, ...] = ()
    pots: tuple[Pot, ...] = ()
    corrections: tuple[Correction, ...] = ()
    refunds: tuple[Refund, ...] = ()
    also_recorded_on: tuple[str, str] | None = None
    """(account, command id) of the other account that a transfer between customers touched."""
