"""Everything that moves money, as small immutable values.

Amounts in a command are magnitudes in minor units of the account's currency (the sign follows from
what the command does; only an adjustment says it); `local_amount` and `local_currency` say what the
merchant charged, when that was another currency. A command's identity is (issuer, account, id):
sent again it is answered as before and done once; the same identity with other content is refused.
"""

from typing import Literal, get_args

import msgspec

TransferScheme = Literal["payport_faster_payments", "faster_payments", "bacs", "chaps", "sepa"]
"""What carries money between banks, in the API's words."""


class Counterparty(msgspec.Struct, frozen=True, omit_defaults=True):
    """The other side of a transfer, as far as it is known."""

    name: str = ""
    sort_code: str = ""
    account_number: str = ""
    user_id: str = ""


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="command"):
    """What all commands share.

    Defaults stay out of the canonical form, so that a field which a later version adds does not
    make a repeat look like other content.
    `issuer` says who vouches for the id: a scheme, an operator's key, or a client and user.
    `at` is the instant it happened (microseconds) when history is written into an account that has
    nothing later; None means now.
    """

    issuer: str
    account_id: str
    id: str
    at: int | None = None


class Forced(Command, frozen=True, kw_only=True, omit_defaults=True, tag_field="command"):
    """What the commands share that say what has happened already, and are booked whatever it does.

    `happened_at` is the value date (microseconds) when the bank hears of it later: the entries say
    so, and the transaction takes its place in the history now.
    """

    happened_at: int | None = None


class TopUp(Command, frozen=True, kw_only=True, tag="top_up"):
    """Load money from outside onto the account."""

    amount: int
    description: str = "Top up"


class AuthoriseCard(Command, frozen=True, kw_only=True, tag="authorise_card"):
    """The scheme asks whether a card may spend; a yes holds the money until presentment.

    The checks are what the scheme found: True, False, or None where it did not look.
    `hold_seconds` is how long the hold lives; None takes the bank's setting.
    """

    card_id: str
    amount: int
    description: str
    merchant_id: str | None = None
    local_amount: int | None = None
    local_currency: str | None = None
    cvc_ok: bool | None = None
    pin_ok: bool | None = None
    expiry_ok: bool | None = None
    hold_seconds: int | None = None
    metadata: dict[str, str] = {}


class IncrementAuthorisation(Command, frozen=True, kw_only=True, tag="increment_authorisation"):
    """The scheme asks for more on an open authorisation (a hotel's second night)."""

    authorisation_id: str
    amount: int
    local_amount: int | None = None


class ReverseAuthorisation(Command, frozen=True, kw_only=True, tag="reverse_authorisation"):
    """The scheme gives up a hold, whole (`amount` None) or in part."""

    authorisation_id: str
    amount: int | None = None
    local_amount: int | None = None


class ExpireAuthorisation(Command, frozen=True, kw_only=True, tag="expire_authorisation"):
    """Time gives up a hold that nobody presented."""

    authorisation_id: str


class PresentCard(Forced, frozen=True, kw_only=True, tag="present_card"):
    """The scheme presents the final amount; it is always booked.

    With `authorisation_id` it ends that hold, whatever it was for. Without (an offline or tolled
    payment) it names the card and says what was bought.
    """

    amount: int
    authorisation_id: str | None = None
    card_id: str | None = None
    description: str = ""
    merchant_id: str | None = None
    local_amount: int | None = None
    local_currency: str | None = None
    metadata: dict[str, str] = {}


class RefundCard(Forced, frozen=True, kw_only=True, tag="refund_card"):
    """A merchant gives money back: a new, positive transaction."""

    amount: int
    description: str
    card_id: str | None = None
    merchant_id: str | None = None
    local_amount: int | None = None
    local_currency: str | None = None
    original_transaction_id: str | None = None


class ReceiveTransfer(Forced, frozen=True, kw_only=True, tag="receive_transfer"):
    """A payment scheme brings money from another bank.

    `end_to_end_id` is what the payer's bank calls the payment. What comes for a closed account goes
    into suspense, and the outcome is declined.
    """

    amount: int
    description: str
    counterparty: Counterparty
    scheme: TransferScheme = "payport_faster_payments"
    category: str = "general"
    end_to_end_id: str = ""


class SendTransfer(Command, frozen=True, kw_only=True, tag="send_transfer"):
    """The customer sends money to another bank; refused when there is not enough.

    `end_to_end_id` is what the payer calls the payment, wherever it goes.
    """

    amount: int
    description: str
    counterparty: Counterparty
    scheme: TransferScheme = "payport_faster_payments"
    category: str = "general"
    user_id: str = ""
    end_to_end_id: str = ""


class TransferBetween(Command, frozen=True, kw_only=True, tag="transfer_between"):
    """One customer of this bank pays another: two transactions, one decision."""

    payee_account_id: str
    amount: int
    description: str
    user_id: str = ""


class DepositIntoPot(Command, frozen=True, kw_only=True, tag="deposit_into_pot"):
    """Set money of the account aside in one of its pots; refused beyond what is available.

    `external_id` is what whoever asks calls the move, `user_id` the owner who does.
    """

    pot_id: str
    amount: int
    external_id: str = ""
    user_id: str = ""


class WithdrawFromPot(Command, frozen=True, kw_only=True, tag="withdraw_from_pot"):
    """Take money out of a pot again; refused beyond what it holds, and while it is locked."""

    pot_id: str
    amount: int
    external_id: str = ""
    user_id: str = ""


class DeletePot(Command, frozen=True, kw_only=True, tag="delete_pot"):
    """Delete a pot; what it holds goes back to the account first. Refused while it is locked."""

    pot_id: str


class ReturnTransfer(Forced, frozen=True, kw_only=True, tag="return_transfer"):
    """A transfer that had left comes back from the other bank, whole (`amount` None) or in part.

    `reason` is the other bank's, in its words or as a code.
    """

    original_transaction_id: str
    amount: int | None = None
    reason: str = ""


class RejectTransfer(Forced, frozen=True, kw_only=True, tag="reject_transfer"):
    """The scheme did not carry a transfer out: the money is back, all of it."""

    original_transaction_id: str
    reason: str = ""


class SendTransferBack(Command, frozen=True, kw_only=True, tag="send_transfer_back"):
    """Return a transfer that had come in, whole (`amount` None) or in part.

    The bank decides that: it is refused when there is not enough on the account.
    """

    original_transaction_id: str
    amount: int | None = None
    reason: str = ""


DepositScheme = Literal["uk_cash_deposits_paypoint", "cash"]


class DepositCash(Forced, frozen=True, kw_only=True, tag="deposit_cash"):
    """Somebody pays notes in, at a counter or an agent's (`description` says where)."""

    amount: int
    description: str
    scheme: DepositScheme = "uk_cash_deposits_paypoint"
    user_id: str = ""


class WithdrawCash(Command, frozen=True, kw_only=True, tag="withdraw_cash"):
    """Somebody wants notes, at a counter or an agent's; refused when there is not enough, or when
    it is more than one payment may be."""

    amount: int
    description: str
    scheme: Literal["cash"] = "cash"
    user_id: str = ""


class ChargeFee(Forced, frozen=True, kw_only=True, tag="charge_fee"):
    """The bank takes a fee, whatever the balance: the customer agreed to the tariff."""

    amount: int
    description: str
    reason: str = ""


class ReverseFee(Forced, frozen=True, kw_only=True, tag="reverse_fee"):
    """The bank gives a fee back, whole (`amount` None) or in part, once."""

    original_transaction_id: str
    amount: int | None = None
    reason: str = ""


class AdjustBalance(Forced, frozen=True, kw_only=True, tag="adjust_balance"):
    """Somebody at the bank puts a balance right; `amount` has a sign, a credit is positive.

    The customer reads `description` and `reason`; `made_by` is for the bank's own record.
    """

    amount: int
    description: str
    reason: str
    made_by: str


class OpenChargeback(Command, frozen=True, kw_only=True, tag="open_chargeback"):
    """A customer disputes a settled card payment and is credited, whole (`amount` None) or in part,
    until the scheme has decided."""

    original_transaction_id: str
    amount: int | None = None
    reason: str = ""


class ResolveChargeback(Forced, frozen=True, kw_only=True, tag="resolve_chargeback"):
    """The scheme has decided a dispute: won, and the credit stays; lost, and it is taken back."""

    original_transaction_id: str
    result: Literal["won", "lost"]


class Suspend(Forced, frozen=True, kw_only=True, tag="suspend"):
    """The card scheme has moved money for which there is no account: it goes into suspense.

    `account_id` is the bank's own account for it. A payment lays money out, a refund brings it.
    """

    kind: Literal["payment", "refund"]
    amount: int
    description: str
    merchant_id: str | None = None
    local_amount: int | None = None
    local_currency: str | None = None
    metadata: dict[str, str] = {}


class ResolveSuspense(Forced, frozen=True, kw_only=True, tag="resolve_suspense"):
    """What is in suspense is settled: it was an account's, or it goes back to the scheme.

    `account_id` is where it stands in suspense; without a payee it goes back.
    """

    original_transaction_id: str
    payee_account_id: str | None = None


AnyCommand = (
    TopUp
    | AuthoriseCard
    | IncrementAuthorisation
    | ReverseAuthorisation
    | ExpireAuthorisation
    | PresentCard
    | RefundCard
    | ReceiveTransfer
    | SendTransfer
    | TransferBetween
    | DepositIntoPot
    | WithdrawFromPot
    | DeletePot
    | ReturnTransfer
    | RejectTransfer
    | SendTransferBack
    | DepositCash
    | WithdrawCash
    | ChargeFee
    | ReverseFee
    | AdjustBalance
    | OpenChargeback
    | ResolveChargeback
    | Suspend
    | ResolveSuspense
)

COMMAND_NAMES: dict[type[Command], str] = {
    one: str(one.__struct_config__.tag) for one in get_args(AnyCommand)
}
"""What the commands are called in rows and metrics."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was answered to a command, and will be answered to its repeats.

    `balance` is what the account had available right after the decision. `decline_reason` is a
    `DeclineReason`, or one that a later version of the bank knows: its answers are repeated too;
    `limit` is the name of the account's limit that was in the way, if one was.
    `entry_sets` are what was posted for it, by number in the chain of the command's own account,
    `payee_entry_sets` by number in the chain of the payee's. What was answered before answers named
    them has none. `made_by` is who at the bank made an adjustment.
    """

    status: Literal["done", "declined"]
    balance: int
    transaction_id: str | None = None
    authorisation_id: str | None = None
    payee_transaction_id: str | None = None
    decline_reason: str | None = None
    entry_sets: tuple[int, ...] = ()
    payee_entry_sets: tuple[int, ...] = ()
    limit: str | None = None
    made_by: str = ""
