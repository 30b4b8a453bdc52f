"""Which command each rail sends."""

from minibank.api.catalogue import (
    ADDED_SECURITY,
    ALREADY_CORRECTED,
    CLOSED,
    HOLD_ENDED,
    INSUFFICIENT_FUNDS,
    LIMIT_EXCEEDED,
    NO_AUTHORISATION,
    NO_CARD,
    NO_POT,
    NO_TRANSACTION,
    NOT_OPEN,
)
from minibank.api.operator.rails import Rail
from minibank.core.errors import NotFound
from minibank.db import ReadTx
from minibank.payments.commands import (
    AdjustBalance,
    AuthoriseCard,
    ChargeFee,
    DeletePot,
    DepositCash,
    DepositIntoPot,
    ExpireAuthorisation,
    IncrementAuthorisation,
    OpenChargeback,
    PresentCard,
    ReceiveTransfer,
    RefundCard,
    RejectTransfer,
    ResolveChargeback,
    ResolveSuspense,
    ReturnTransfer,
    ReverseAuthorisation,
    ReverseFee,
    SendTransfer,
    SendTransferBack,
    TopUp,
    TransferBetween,
    WithdrawCash,
    WithdrawFromPot,
)
from minibank.payments.store import keys_of, list_authorisations
from minibank.pots.store import list_pots

_POT = {"pot_id": "The pot."}
_AUTHORISATION = {"authorisation_id": "The authorisation."}


async def _account_of_authorisation(tx: ReadTx, authorisation_id: str) -> str:
    found = await list_authorisations(tx, keys_of([authorisation_id]))
    if authorisation_id not in found:
        raise NotFound("authorisation", "There is no such authorisation")
    return found[authorisation_id].account_id


async def _account_of_pot(tx: ReadTx, pot_id: str) -> str:
    found = await list_pots(tx, keys_of([pot_id]))
    if pot_id not in found:
        raise NotFound("pot", "There is no such pot")
    return found[pot_id].account_id


RAILS = (
    Rail(
        "card-authorisations",
        AuthoriseCard,
        "Ask whether a card may spend",
        "A yes holds the money until it is presented, reversed or expires. A no is an answer too:"
        " `status` is `declined`, and `decline_reason` says why.",
        (NO_CARD,),
    ),
    Rail(
        "card-authorisations/{authorisation_id}/increments",
        IncrementAuthorisation,
        "Ask for more on an authorisation",
        "As a hotel does for a second night.",
        (NO_AUTHORISATION, HOLD_ENDED, NOT_OPEN),
        _AUTHORISATION,
        _account_of_authorisation,
    ),
    Rail(
        "card-authorisations/{authorisation_id}/reversals",
        ReverseAuthorisation,
        "Give up what an authorisation holds",
        "All of it without an `amount`, else that much.",
        (NO_AUTHORISATION, HOLD_ENDED),
        _AUTHORISATION,
        _account_of_authorisation,
    ),
    Rail(
        "card-authorisations/{authorisation_id}/expiry",
        ExpireAuthorisation,
        "Let an authorisation expire",
        "As it does by itself once nobody presented it for long enough.",
        (NO_AUTHORISATION, HOLD_ENDED),
        _AUTHORISATION,
        _account_of_authorisation,
    ),
    Rail(
        "card-presentments",
        PresentCard,
        "Present what a card has paid",
        "It is always booked, also beyond the account's limit. With an authorisation it ends that,"
        " whatever it was for; without one it names the card and says what was bought.",
        (NO_CARD, NO_AUTHORISATION),
    ),
    Rail(
        "card-refunds",
        RefundCard,
        "Give money back to a card",
        "A new, positive transaction. On a closed account it goes into suspense, and so does what a"
        " dispute about the named payment has given back already; the answer is declined. What came"
        " for a closed account goes back to the card scheme after `suspense_return_days`.",
        (NO_CARD, NO_TRANSACTION),
    ),
    Rail(
        "inbound-transfers",
        ReceiveTransfer,
        "Book what another bank sends",
        "For a closed account it goes into suspense, and the answer is declined; it goes back to"
        " its sender after `suspense_return_days`.",
        (LIMIT_EXCEEDED,),
    ),
    Rail(
        "outbound-transfers",
        SendTransfer,
        "Send money to another bank",
        "Refused when there is not enough.",
        (INSUFFICIENT_FUNDS, NOT_OPEN, LIMIT_EXCEEDED),
    ),
    Rail(
        "internal-transfers",
        TransferBetween,
        "Pay from one account of this bank to another",
        "Two transactions, one decision: both happen or neither.",
        (INSUFFICIENT_FUNDS, NOT_OPEN, CLOSED, LIMIT_EXCEEDED),
    ),
    Rail(
        "pots/{pot_id}/deposits",
        DepositIntoPot,
        "Put money into a pot",
        "From the account that it is a part of. An overdraft feeds no pot.",
        (NO_POT, INSUFFICIENT_FUNDS, NOT_OPEN),
        _POT,
        _account_of_pot,
    ),
    Rail(
        "pots/{pot_id}/withdrawals",
        WithdrawFromPot,
        "Take money out of a pot",
        "Back to its account. Nothing can be taken out of a pot that is locked.",
        (NO_POT, INSUFFICIENT_FUNDS, NOT_OPEN, ADDED_SECURITY),
        _POT,
        _account_of_pot,
    ),
    Rail(
        "pots/{pot_id}/deletion",
        DeletePot,
        "Delete a pot",
        "What it holds goes back to its account in the same unit of work. Not while it is locked.",
        (NO_POT, NOT_OPEN, ADDED_SECURITY),
        _POT,
        _account_of_pot,
        ("customers", "rails"),
    ),
    Rail(
        "top-ups",
        TopUp,
        "Load money from outside onto an account",
        refuses=(NOT_OPEN, LIMIT_EXCEEDED),
    ),
    Rail(
        "transfer-returns",
        ReturnTransfer,
        "Credit a transfer that another bank returned",
        "It had left, and comes back whole or in part. A transfer comes back, or is sent back, at"
        " most once. On a closed account it goes into suspense, and the answer is declined.",
        (ALREADY_CORRECTED,),
    ),
    Rail(
        "transfer-rejections",
        RejectTransfer,
        "Credit a transfer that the scheme did not carry out",
        "All of it.",
        (ALREADY_CORRECTED,),
    ),
    Rail(
        "inbound-transfer-returns",
        SendTransferBack,
        "Send back a transfer that another bank had sent",
        "Whole or in part; refused when there is not enough on the account.",
        (ALREADY_CORRECTED, INSUFFICIENT_FUNDS, CLOSED),
    ),
    Rail(
        "cash-deposits",
        DepositCash,
        "Credit cash that was paid in",
        "At a counter or an agent's. A closed account takes none.",
        (CLOSED, LIMIT_EXCEEDED),
    ),
    Rail(
        "cash-withdrawals",
        WithdrawCash,
        "Hand cash out",
        "Refused when there is not enough, or when it is more than one payment may be.",
        (INSUFFICIENT_FUNDS, NOT_OPEN, LIMIT_EXCEEDED),
    ),
    Rail("fees", ChargeFee, "Charge a fee", "Whatever the balance.", (CLOSED,)),
    Rail(
        "fee-reversals",
        ReverseFee,
        "Give a fee back",
        "Whole or in part, once.",
        (ALREADY_CORRECTED, CLOSED),
    ),
    Rail(
        "adjustments",
        AdjustBalance,
        "Put a balance right",
        "`amount` has a sign: a credit is positive. The customer reads `description` and `reason`;"
        " `made_by` is kept in the answer, for the bank's own record.",
    ),
    Rail(
        "chargebacks",
        OpenChargeback,
        "Open a dispute about a card payment",
        "The customer is credited at once, whole or in part, until the scheme has decided. A"
        " payment is disputed once.",
        (ALREADY_CORRECTED, CLOSED),
    ),
    Rail(
        "chargeback-resolutions",
        ResolveChargeback,
        "Say how a dispute ended",
        "`original_transaction_id` is the disputed payment. Won, and the credit stays; lost, and it"
        " is taken back, whatever the balance.",
        (ALREADY_CORRECTED,),
    ),
    Rail(
        "suspense-resolutions",
        ResolveSuspense,
        "Settle what is in suspense",
        "It goes to the account that it belongs to, which may be the one that it came for, or,"
        " without a payee, back to its scheme; then it goes back by itself no more."
        " `account_id` is where it is in suspense.",
        (ALREADY_CORRECTED, CLOSED),
    ),
)
