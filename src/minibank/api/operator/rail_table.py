"""Which command each rail sends."""

from minibank.api.catalogue import (
    ADDED_SECURITY,
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
    AuthoriseCard,
    DeletePot,
    DepositIntoPot,
    ExpireAuthorisation,
    IncrementAuthorisation,
    PresentCard,
    ReceiveTransfer,
    RefundCard,
    ReverseAuthorisation,
    SendTransfer,
    TopUp,
    TransferBetween,
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
        "A new, positive transaction.",
        (NO_CARD, NO_TRANSACTION, CLOSED),
    ),
    Rail(
        "inbound-transfers",
        ReceiveTransfer,
        "Book what another bank sends",
        refuses=(CLOSED, LIMIT_EXCEEDED),
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
)
